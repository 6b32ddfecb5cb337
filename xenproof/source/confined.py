"""Reads a source that is not a running host, such as an image or an archive, in a child process with limits.

Anybody may have written the bytes of such a source, and libraries parse them.  Whatever these libraries do,
this process survives: it gets a recording, or one error that names the source.
"""

import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec

from xenproof.errors import SourceError
from xenproof.source.confined_child import ERRORS, FAILURE, RECORDING
from xenproof.source.probe import Recording

P = ParamSpec("P")

_PIECE = 1 << 16
_MOST_SAID_BYTES = 16 << 20  # on standard error; beyond it the child is killed
_LAST_WORDS = 500
_LONGEST_KIND = 80
_CODE = "import sys; from xenproof.source.confined_child import main; main(*sys.argv[1:])"
_WHAT_TO_DO = "look at where it is from, or read an unpacked tree or the host itself instead"


@dataclass(frozen=True, slots=True)
class Confinement:
    """The limits of a child process that reads one source.

    `memory_mib` is what it may map in addition to Python itself, `limit_s` limits both elapsed time and
    processor time, `answer_mib` the size of the recording as JSON.  Temporary files of libraries are
    `below` that folder until the child ends, None for the system's folder.
    """

    memory_mib: int = 384
    limit_s: float = 180
    answer_mib: int = 64
    below: Path | None = None

    def read(
        self, reader: Callable[Concatenate[str, P], Recording], url: str, *args: P.args, **kwargs: P.kwargs
    ) -> Recording:
        """The recording that `reader(url, *args, **kwargs)` returns; `reader` is a function at the top of a module.

        A XenproofError of the reader is raised here, too; any other failure raises SourceError.
        """
        task = pickle.dumps((reader, (url, *args), kwargs))
        with tempfile.TemporaryDirectory(prefix="xenproof-read-", dir=self.below, ignore_cleanup_errors=True) as folder:
            kind, text = _Reading(self, url).of(task, folder)
        if kind == RECORDING:
            try:
                return Recording.from_json(text, url)
            except (SourceError, RecursionError) as error:
                raise self.problem(url, "the answer of its reader is not a recording") from error
        if kind in ERRORS:
            raise ERRORS[kind](text)
        raise self.problem(url, text if kind == FAILURE else "its reader gave no answer")

    def problem(self, url: str, what: str) -> SourceError:
        """The error that states what happened to the reader, and its limits."""
        return SourceError(
            f"cannot read {url}: {what}; it is read with at most {self.memory_mib} MiB of memory, in "
            f"{self.limit_s:g} s and into a recording of {self.answer_mib} MiB; {_WHAT_TO_DO}"
        )


class _Reading:
    """One child process, from its start to its end."""

    def __init__(self, limits: Confinement, url: str) -> None:
        self._limits = limits
        self._url = url
        self._answer = bytearray()
        self._last_words: deque[bytes] = deque(maxlen=4)
        self._said = 0

    def of(self, task: bytes, folder: str) -> tuple[str, str]:
        """The kind and the text of the child's answer; it may write to `folder`.  Raises SourceError without one."""
        until = time.monotonic() + self._limits.limit_s
        try:
            process = self._start(folder)
        except OSError as error:
            raise SourceError(f"cannot start a process that reads {self._url}: {error.strerror}") from error
        with process:
            try:
                self._exchange(process, memoryview(task), until)
                code = process.wait(max(until - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                raise self._too_long() from None
            finally:
                process.kill()
        if code:
            raise self._limits.problem(self._url, f"its reader {_ended(code)}{self._words()}")
        kind = bytes(self._answer[:_LONGEST_KIND]).partition(b"\n")[0]
        with memoryview(self._answer) as answer:  # the answer may be large: do not copy it
            text = str(answer[len(kind) + 1 :], "utf-8", "replace")
        self._answer.clear()
        return kind.decode("ascii", "replace"), text

    def _start(self, folder: str) -> "subprocess.Popen[bytes]":
        limits = [str(os.getpid()), str(self._limits.memory_mib), str(int(self._limits.limit_s) + 1)]
        # With -I Python finds modules only by `path`; our own folder may otherwise be known to an import hook only.
        path = [os.path.abspath(entry) for entry in [*sys.path, str(Path(__file__).parents[2])]]  # noqa: PTH100  # text
        quiet = ["-B"] if sys.dont_write_bytecode else []
        return subprocess.Popen(
            [sys.executable, "-I", *quiet, "-c", f"import sys; sys.path[:] = {path!r}; {_CODE}", *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": folder},
            # Only this process gets Ctrl-C, and then ends the child.
            process_group=0,
        )

    def _exchange(self, process: "subprocess.Popen[bytes]", task: memoryview, until: float) -> None:
        """Send the task, and read what the child writes until it has closed both of its pipes."""
        assert process.stdin is not None  # noqa: S101  # all three are pipes
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        os.set_blocking(process.stdin.fileno(), False)
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdin, selectors.EVENT_WRITE)
            ready.register(process.stdout, selectors.EVENT_READ, self._take_answer)
            ready.register(process.stderr, selectors.EVENT_READ, self._take_words)
            while ready.get_map():
                if (left := until - time.monotonic()) <= 0:
                    raise self._too_long()
                for key, _ in ready.select(left):
                    if key.fileobj is process.stdin:
                        if not (task := _hand_over(key.fd, task)):
                            ready.unregister(process.stdin)
                            process.stdin.close()
                    elif piece := os.read(key.fd, _PIECE):
                        key.data(piece)
                    else:
                        ready.unregister(key.fileobj)

    def _take_answer(self, piece: bytes) -> None:
        self._answer += piece
        if len(self._answer) > self._limits.answer_mib << 20:
            raise self._limits.problem(self._url, "its recording is larger")

    def _take_words(self, piece: bytes) -> None:
        self._last_words.append(piece)
        self._said += len(piece)
        if self._said > _MOST_SAID_BYTES:
            raise self._limits.problem(
                self._url, f"its reader printed more than {_MOST_SAID_BYTES >> 20} MiB{self._words()}"
            )

    def _too_long(self) -> SourceError:
        return self._limits.problem(self._url, f"it did not end within {self._limits.limit_s:g} s{self._words()}")

    def _words(self) -> str:
        words = b"".join(self._last_words).decode("utf-8", "replace").strip()[-_LAST_WORDS:]
        return f"; its last output: {words!r}" if words else ""


def _hand_over(pipe: int, task: memoryview) -> memoryview:
    """Write as much as the pipe accepts; returns the rest, or nothing if the pipe has no reader any more."""
    try:
        return task[os.write(pipe, task[:_PIECE]) :]
    except BlockingIOError:
        return task
    except BrokenPipeError:  # the exit code of the child explains it
        return memoryview(b"")


def _ended(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
