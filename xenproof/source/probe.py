"""A probe, its output on a host, and the recording that contains all outputs."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from xenproof.errors import NotEvaluable, SourceError, UsageError
from xenproof.regular_file import read_regular, write_whole
from xenproof.strict_json import mapping, parse_strictly, value

FORMAT = "xenproof-recording/1"

MOST_BYTES = 64 << 20
"""The limit of a recording; a dom0 with every package of SLES prints less than a tenth of 16 MiB."""
# Text that is not ASCII may need four times as much memory as it has bytes; our recordings are ASCII.
_MOST_OTHER_BYTES = 16 << 20
_MOST_OUTPUT_BYTES = 16 << 20
_LONGEST_NAME, _LONGEST_NOTE = 1000, 64 << 10

T = TypeVar("T")


class Cache:
    """A cache of values derived from an object; it is freed together with the object."""

    def __init__(self) -> None:
        self._values: dict[object, Any] = {}

    def once(self, key: object, make: Callable[[], T]) -> T:
        """The result or the error of `make`, which is called once per `key`: an error may be slow to compute, too."""
        if key not in self._values:
            try:
                self._values[key] = make()
            except Exception as error:  # noqa: BLE001  # it is raised below, now and each time after
                self._values[key] = _Raised(error)
        found: T | _Raised = self._values[key]
        if isinstance(found, _Raised):
            # Without the traceback of earlier raises: its frames would add up, and keep their local variables alive.
            raise found.error.with_traceback(None)
        return found


@dataclass(frozen=True, slots=True)
class _Raised:
    """Stands for a value that could not be computed."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Probe:
    """A read-only POSIX sh text whose output contains one family of facts.

    `script` runs under `sh -c` with LC_ALL=C as the user of the connection.  `limit_s` is its own
    time limit in seconds.  `allowed` are the exit codes that its parser understands; any other is
    an error of the reading, never a fact.  `beside` marks a slow probe that may run in parallel with the others,
    because they do not affect it: it reads no processes and no load.
    """

    name: str
    script: str
    limit_s: int = 10
    allowed: frozenset[int] = frozenset({0})
    beside: bool = False


CUT_EXIT_CODE = 255
CUT = b"xenproof: the output of the host was cut before this probe ended"
"""Exit code and begin of the standard error of a probe that did not end."""


@dataclass(frozen=True, slots=True)
class ProbeOutput:
    """The output of one probe: raw bytes, its exit code, and whether its time limit ended it."""

    name: str
    stdout: bytes
    stderr: bytes
    exit_code: int
    timed_out: bool = False
    cache: Cache = field(default_factory=Cache, init=False, repr=False, compare=False)

    @property
    def cut(self) -> bool:
        """Whether it did not end: its exit code is none of the host's, so no probe allows it."""
        return self.exit_code == CUT_EXIT_CODE and self.stderr.startswith(CUT)

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stderr.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """A command that a user's own check ran, and how it ended."""

    command: str
    stdout: bytes
    stderr: bytes
    exit_code: int

    def to_plain(self) -> dict[str, str | int]:
        """The command as plain values of JSON; bytes are base64."""
        return {
            "command": self.command,
            "stdout": base64.b64encode(self.stdout).decode(),
            "stderr": base64.b64encode(self.stderr).decode(),
            "exit_code": self.exit_code,
        }

    @staticmethod
    def from_plain(row: object) -> "RecordedCommand":
        """The command that `to_plain` converted; raises ValueError if `row` is not one."""
        stdout, stderr = _bytes(row, "stdout"), _bytes(row, "stderr")
        return RecordedCommand(value(row, "command", str), stdout, stderr, _exit_code(row))


@dataclass(frozen=True, slots=True)
class Recording:
    """The raw output of every probe of one host at one time.

    `host` is the URL of the source, `taken` is an ISO 8601 time in UTC, `about` has
    notes on the source, such as the lab's accelerator, `commands` are those of users' own checks.
    """

    host: str
    taken: str
    outputs: Mapping[str, ProbeOutput]
    about: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[RecordedCommand, ...] = ()
    cache: Cache = field(default_factory=Cache, init=False, repr=False, compare=False)

    def output(self, probe: Probe, *, partial: bool = False) -> ProbeOutput:
        """The output of `probe`.

        Raises NotEvaluable if it was not recorded, SourceError if it timed out or ended with an
        exit code that the probe does not allow.  With `partial` the output of a probe that timed out is returned if
        there is any: the caller has to determine which part of it is complete.
        """
        if (found := self.outputs.get(probe.name)) is None:
            raise NotEvaluable(f"the recording of {self.host} has no probe {probe.name!r}")
        if found.timed_out and partial and found.stdout:
            return found
        if found.timed_out:
            printed = (found.error_text or found.text).strip()[-300:]
            raise SourceError(
                f"probe {probe.name!r} did not end within {probe.limit_s} s on {self.host}; "
                f"its last output: {printed!r}"
            )
        if found.cut or found.exit_code not in probe.allowed:
            raise SourceError(
                f"probe {probe.name!r} ended with exit code {found.exit_code} on {self.host}, "
                f"expected {_allowed(probe)}; it printed: {found.error_text.strip()[-500:]!r}"
            )
        return found

    def to_json(self) -> str:
        """The recording as JSON; bytes are base64."""
        return json.dumps(
            {
                "format": FORMAT,
                "host": self.host,
                "taken": self.taken,
                "about": dict(self.about),
                "outputs": [
                    {
                        "name": out.name,
                        "stdout": base64.b64encode(out.stdout).decode(),
                        "stderr": base64.b64encode(out.stderr).decode(),
                        "exit_code": out.exit_code,
                        "timed_out": out.timed_out,
                    }
                    for out in self.outputs.values()
                ],
                "commands": [command.to_plain() for command in self.commands],
            },
            indent=1,
        )

    def write(self, path: Path) -> None:
        """Write the recording to the file `path` atomically; raises UsageError if that fails."""
        text = self.to_json()
        if len(text) > MOST_BYTES:
            raise SourceError(
                f"what {self.host} printed makes a recording of {len(text)} bytes, more than the {MOST_BYTES} that can "
                "be read again, so none was written; look at what prints that much there"
            )
        try:
            if path.exists() and not path.is_file():
                path.write_text(text, "utf-8")  # a pipe, such as /dev/stdout
            else:
                write_whole(path, [text])
        except OSError as error:
            raise UsageError(f"cannot write the recording to {path}: {error.strerror}; name another file") from error

    @staticmethod
    def from_json(text: str, origin: str) -> "Recording":
        """The recording that `to_json` wrote; raises SourceError with `origin` if it is not one."""
        try:
            data = mapping(parse_strictly(text))
            _check_format(data.get("format"))
            outputs = _index(map(_output, value(data, "outputs", list)))
            commands = tuple(map(RecordedCommand.from_plain, data.get("commands", ())))
            host, taken = _name(data, "host"), _name(data, "taken")
            datetime.fromisoformat(taken)
            return Recording(host, taken, outputs, _notes(value(data, "about", dict)), commands)
        except (ValueError, TypeError) as error:
            raise SourceError(f"{origin} is not a recording of ours: {error}; record the host again") from error

    @staticmethod
    def read(path: Path) -> "Recording":
        """The recording in the file `path`; raises SourceError if it cannot be read."""
        return Recording.from_json(_text(path), str(path))


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"expected the format {FORMAT!r}, found {str(found)[:80]!r}")


def _text(path: Path) -> str:
    try:
        data = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise SourceError(f"cannot read the recording {path}: {error.strerror}") from error
    if len(data) > _MOST_OTHER_BYTES and not data.isascii():
        raise SourceError(
            f"{path} is not a recording of ours: it has {len(data)} bytes that are not all ASCII; record the host again"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not a recording of ours: expected UTF-8, found the byte 0x{data[error.start]:02x} at "
            f"{error.start}; record the host again"
        ) from error


def _output(row: object) -> ProbeOutput:
    stdout, stderr = _bytes(row, "stdout"), _bytes(row, "stderr")
    return ProbeOutput(_name(row, "name"), stdout, stderr, _exit_code(row), value(row, "timed_out", bool))


def _index(outputs: Iterable[ProbeOutput]) -> dict[str, ProbeOutput]:
    found: dict[str, ProbeOutput] = {}
    for out in outputs:
        if out.name in found:
            raise ValueError(f"the probe {out.name!r} is there twice")
        found[out.name] = out
    return found


def _allowed(probe: Probe) -> str:
    codes = sorted(probe.allowed)
    return f"one of {codes}" if len(codes) < 10 else f"one of {len(codes)} exit codes of its own"


def _bytes(row: object, name: str) -> bytes:
    data = base64.b64decode(value(row, name, str), validate=True)
    if len(data) > _MOST_OUTPUT_BYTES:
        raise ValueError(f"{name!r} has {len(data)} bytes, more than the {_MOST_OUTPUT_BYTES} that are taken of a host")
    return data


def _exit_code(row: object) -> int:
    code = value(row, "exit_code", int)
    if not -(1 << 31) <= code < 1 << 32:
        raise ValueError(f"expected an exit code, found {str(code)[:40]}")
    return code


def _name(row: object, name: str) -> str:
    found = value(row, name, str)
    if not found or len(found) > _LONGEST_NAME:
        raise ValueError(f"expected {name!r} to have 1 to {_LONGEST_NAME} characters, found {len(found)}")
    return found


def _notes(about: Mapping[str, object]) -> dict[str, str]:
    notes = {name: value(about, name, str) for name in about}
    if too_long := next((name for name, note in notes.items() if len(name) + len(note) > _LONGEST_NOTE), None):
        raise ValueError(f"the note {too_long[:80]!r} has more than {_LONGEST_NOTE} characters")
    return notes
