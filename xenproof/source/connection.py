"""The interface of every connection to a live host: run a command, follow a command, close."""

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from xenproof.errors import CommandFailed, SourceError
from xenproof.plain import first_lines
from xenproof.source.redact import redacted


class NotStarted(SourceError):
    """The host did not start a command: the connection broke, or the host allows no further command at a time."""


def quoted(*words: str) -> str:
    """`words` as one POSIX shell command in which each word is quoted."""
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended, with its output and its duration."""

    command: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text; bytes that are not UTF-8 become U+FFFD."""
        return self.stderr.decode("utf-8", "replace")

    def check(self, *allowed: int) -> "Completed":
        """This result if its exit code is one of `allowed` (0 if none is given); raises CommandFailed otherwise."""
        if self.exit_code not in (allowed or (0,)):
            # Redact before shortening: the end of a secret alone would not be recognized.
            command, _ = redacted(self.command.encode("utf-8", "surrogateescape"))
            printed, _ = redacted(self.stderr or self.stdout)
            raise CommandFailed(
                f"{command.decode('utf-8', 'replace')!r} ended with exit code {self.exit_code}, "
                f"expected {list(allowed) or [0]}; it printed: {first_lines(printed.decode('utf-8', 'replace'), 500)!r}"
            )
        return self


class Stream(Protocol):
    """The output of a command that is still running."""

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes of standard output, b"" if there were none within `limit_s`, None at its end."""
        ...

    def end_stdin(self) -> None:
        """Close the command's standard input; the command continues."""
        ...


class Connection(Protocol):
    """A live host on which commands run as root."""

    @property
    def url(self) -> str:
        """The host's URL as the user wrote it."""
        ...

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end.

        Raises CommandTimedOut after `limit_s`, OutputTooLarge if stdout or stderr grow beyond
        `max_bytes`, SourceError if the connection breaks.  The caller judges the exit code.
        """
        ...

    def follow(self, command: str, *, keep_stdin: bool = False) -> AbstractContextManager[Stream]:
        """Start a shell command and read its output while it runs; leaving the context ends it.

        Its standard input is empty.  With `keep_stdin` the input stays open until `Stream.end_stdin` is called, the
        context is left, or our process ends: so a command can detect that it is no longer followed.  Such a command
        is not killed: it may have to clean up.
        """
        ...

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        ...


@runtime_checkable
class SideBySide(Protocol):
    """A connection on which a command can run in parallel with others."""

    def beside(
        self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20
    ) -> AbstractContextManager[Callable[[], Completed]]:
        """Start a shell command; the returned function waits for its end, and raises what `run` raises.

        Leaving the context ends the command.  Raises NotStarted if the host does not start it.
        """
        ...


@runtime_checkable
class Forwards(Protocol):
    """A connection through which ports on the host's loopback can be reached."""

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port on our own loopback that leads to `port` on the host's, while the context lasts."""
        ...
