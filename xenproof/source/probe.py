"""A probe, what it printed on a host, and the recording that holds all of it."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xenproof.errors import NotEvaluable, SourceError, UsageError

FORMAT = "xenproof-recording/1"

T = TypeVar("T")


class Kept:
    """What was worked out from something, so that it is worked out once; it is let go together with that."""

    def __init__(self) -> None:
        self._values: dict[object, Any] = {}

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, which is called for each `key` until it does not raise, and then never again."""
        if key not in self._values:
            self._values[key] = make()
        found: T = self._values[key]
        return found


@dataclass(frozen=True, slots=True)
class Probe:
    """A read-only POSIX sh text whose output holds one family of facts.

    `script` runs under `sh -c` with LC_ALL=C as the user of the connection.  `limit_s` is its own
    time limit in seconds.  `allowed` are the exit codes that its parser understands; any other is
    an error of the reading, never a fact.  A probe that runs `beside` the others takes long and sees
    nothing of what they do: no processes, no load.
    """

    name: str
    script: str
    limit_s: int = 10
    allowed: frozenset[int] = frozenset({0})
    beside: bool = False


@dataclass(frozen=True, slots=True)
class ProbeOutput:
    """What one probe printed: bytes as they came, its exit code, and whether its limit ended it."""

    name: str
    stdout: bytes
    stderr: bytes
    exit_code: int
    timed_out: bool = False
    kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

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
        """The command as JSON can hold it; bytes are base64."""
        return {
            "command": self.command,
            "stdout": base64.b64encode(self.stdout).decode(),
            "stderr": base64.b64encode(self.stderr).decode(),
            "exit_code": self.exit_code,
        }

    @staticmethod
    def from_plain(row: Mapping[str, Any]) -> "RecordedCommand":
        """The command that `to_plain` gave; raises ValueError, KeyError or TypeError if it is none."""
        stdout, stderr = (base64.b64decode(row[name], validate=True) for name in ("stdout", "stderr"))
        return RecordedCommand(str(row["command"]), stdout, stderr, int(row["exit_code"]))


@dataclass(frozen=True, slots=True)
class Recording:
    """The raw output of every probe of one host at one time.

    `host` is the URL that the facts came from, `taken` is an ISO 8601 time in UTC, `about` holds
    notes on the source, such as the lab's accelerator, `commands` are those of users' own checks.
    """

    host: str
    taken: str
    outputs: Mapping[str, ProbeOutput]
    about: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[RecordedCommand, ...] = ()
    kept: Kept = field(default_factory=Kept, init=False, repr=False, compare=False)

    def output(self, probe: Probe, *, partial: bool = False) -> ProbeOutput:
        """What `probe` printed.

        Raises NotEvaluable if it was not recorded, SourceError if it timed out or ended with an
        exit code that the probe does not allow.  With `partial` what a probe printed before it timed
        out is given to a reader who knows which part of it is whole, if it printed anything.
        """
        if (found := self.outputs.get(probe.name)) is None:
            raise NotEvaluable(f"the recording of {self.host} has no probe {probe.name!r}")
        if found.timed_out and partial and found.stdout:
            return found
        if found.timed_out:
            said = (found.error_text or found.text).strip()[-300:]
            raise SourceError(
                f"probe {probe.name!r} did not end within {probe.limit_s} s on {self.host}; the last it said: {said!r}"
            )
        if found.exit_code not in probe.allowed:
            raise SourceError(
                f"probe {probe.name!r} ended with exit code {found.exit_code} on {self.host}, "
                f"expected one of {sorted(probe.allowed)}; it said: {found.error_text.strip()[-500:]!r}"
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
        """Write the recording to the file `path`; raises UsageError if that cannot be."""
        try:
            path.write_text(self.to_json(), "utf-8")
        except OSError as error:
            raise UsageError(f"cannot write the recording to {path}: {error.strerror}; name another file") from error

    @staticmethod
    def from_json(text: str, origin: str) -> "Recording":
        """The recording that `to_json` wrote; raises SourceError naming `origin` if it is not one."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data["format"] != FORMAT:
                raise SourceError(f"{origin} has format {data['format']!r}, expected {FORMAT!r}")
            outputs = _index(map(_output, data["outputs"]))
            commands = tuple(map(RecordedCommand.from_plain, data.get("commands", ())))
            return Recording(data["host"], data["taken"], outputs, data["about"], commands)
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{origin} is not a recording: {error!r}") from error

    @staticmethod
    def read(path: Path) -> "Recording":
        """The recording in the file `path`; raises SourceError if it cannot be read."""
        try:
            return Recording.from_json(path.read_text("utf-8"), str(path))
        except OSError as error:
            raise SourceError(f"cannot read the recording {path}: {error.strerror}") from error


def _output(row: dict[str, Any]) -> ProbeOutput:
    return ProbeOutput(
        row["name"],
        base64.b64decode(row["stdout"], validate=True),
        base64.b64decode(row["stderr"], validate=True),
        int(row["exit_code"]),
        bool(row["timed_out"]),
    )


def _index(outputs: Iterable[ProbeOutput]) -> dict[str, ProbeOutput]:
    return {out.name: out for out in outputs}
