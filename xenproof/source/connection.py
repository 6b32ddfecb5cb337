"""What every way to a live host has in common: run a command, follow a command, close."""

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from xenproof.errors import CommandFailed, SourceError
from xenproof.source.redact import redacted


class NotStarted(SourceError):
    """The host did not start a command: the connection broke, or the host allows no more of them at a time."""


def quoted(*words: str) -> str:
    """`words` as one POSIX shell command in which each word is taken literally."""
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended, with what it printed and how long it took."""

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
        """This result, if its exit code is one of `allowed` (0 if none is given); raises CommandFailed otherwise."""
        if self.exit_code not in (allowed or (0,)):
            # Whole before it is shortened: nothing tells the end of a secret as one.
            command, _ = redacted(self.command.encode("utf-8", "surrogateescape"))
            said, _ = redacted(self.stderr or self.stdout)
            raise CommandFailed(
                f"{command.decode('utf-8', 'replace')!r} ended with exit code {self.exit_code}, "
                f"expected {list(allowed) or [0]}; it said: {said.decode('utf-8', 'replace').strip()[-500:]!r}"
            )
        return self


class Stream(Protocol):
    """The output of a command that still runs."""

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes of standard output, b"" if none came within `limit_s`, None at its end."""
        ...

    def end_stdin(self) -> None:
        """Tell the command that its standard input is at its end; it goes on."""
        ...


class Connection(Protocol):
    """A live host on which commands run as root."""

    @property
    def url(self) -> str:
        """The host, as the user named it."""
        ...

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end.

        Raises CommandTimedOut after `limit_s`, OutputTooLarge where stdout or stderr grow beyond
        `max_bytes`, SourceError where the connection breaks.  The exit code is the caller's to judge.
        """
        ...

    def follow(self, command: str, *, keep_stdin: bool = False) -> AbstractContextManager[Stream]:
        """Start a shell command and read its output while it runs; leaving the context ends it.

        Its standard input is empty.  With `keep_stdin` it does not end before `Stream.end_stdin`, or before the
        context is left, or we end: so a command can know that nobody follows it any more.  Such a command is not
        ended by force: it may have something to put in order.
        """
        ...

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        ...


@runtime_checkable
class SideBySide(Protocol):
    """A connection on which a command can run while others do."""

    def beside(
        self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20
    ) -> AbstractContextManager[Callable[[], Completed]]:
        """Start a shell command; its end is waited for when the result is asked, which raises what `run` raises.

        Leaving the context ends the command.  Raises NotStarted where the host does not start it.
        """
        ...


@runtime_checkable
class Forwards(Protocol):
    """A connection through which ports of the host's loopback can be reached."""

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port of our own loopback that leads to `port` of the host's, as long as the context."""
        ...
