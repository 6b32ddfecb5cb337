"""A connection to a host that may reboot during a run: the interrupted command raises, later ones reconnect."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from xenproof.errors import CommandFailed, CommandTimedOut, OutputTooLarge, SourceError
from xenproof.source.connection import Completed, Connection, Forwards, Stream

REBOOT_LIMIT_S = 300.0
"""How long a host may take to come back."""
_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
_BOOT_ID_BYTES = 4096
_BOOT_ID_LIMIT_S = 10.0


class Breakable(Connection, Forwards, Protocol):
    """A connection that reports whether it broke."""

    @property
    def is_open(self) -> bool:
        """Whether it is unbroken, as far as this side can tell."""
        ...


class ReconnectingConnection:
    """A connection that reconnects after it broke.

    The interrupted command raises an error that states what happened to the host; the next command uses a new
    connection.  The first wait for a host that does not come back is long; after that each command tries once.  All
    these tries together have the same limit.  Beyond it the host is given up, and each command raises at once.
    """

    def __init__(self, connect: Callable[[float], Breakable], limit_s: float = REBOOT_LIMIT_S) -> None:
        """Connect with `connect`, which retries for the given number of seconds while the host does not answer."""
        self._connect, self._limit_s = connect, limit_s
        self._connection = connect(0.0)
        self._boot = _boot_of(self._connection)
        self._wait_s = limit_s
        self._left_s = limit_s
        self._given_up = ""
        self._suspect = False
        self.reconnections: list[str] = []
        """What happened to the host, one sentence for each reconnection."""

    @property
    def url(self) -> str:
        """The host's URL as the user wrote it."""
        return self._connection.url

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end; raises what Connection.run raises."""
        with self._watched() as connection:
            return connection.run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)

    @contextmanager
    def follow(self, command: str, *, keep_stdin: bool = False) -> Iterator[Stream]:
        """Start a shell command and read its output while it runs; a stream that breaks is not resumed."""
        with ExitStack() as held:
            with self._watched() as connection:
                stream = held.enter_context(connection.follow(command, keep_stdin=keep_stdin))
            yield _WatchedStream(stream, self._explained)

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port on our own loopback that leads to `port` on the host's, while the context lasts."""
        with self._watched() as connection:
            return connection.forward(port)

    @property
    def is_open(self) -> bool:
        """Whether the next command can run without a look at the host, as far as this side can tell."""
        return not self._suspect and self._connection.is_open

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        self._connection.close()

    def look(self) -> None:
        """Make sure that the next command can run; raises SourceError if the host does not answer."""
        if self._suspect or not self._connection.is_open:
            self._look_again()

    @contextmanager
    def _watched(self) -> Iterator[Breakable]:
        """The connection, for one command; its error also states what happened to the host."""
        self.look()
        try:
            yield self._connection
        except (CommandFailed, OutputTooLarge):
            raise
        except SourceError as error:
            raise self._explained(error) from error

    def _explained(self, error: SourceError) -> SourceError:
        """The error, with what happened to the host if that explains it."""
        self._suspect = True
        try:
            outcome = self._look_again()
        except SourceError as why:
            outcome = str(why)
        kind = CommandTimedOut if isinstance(error, CommandTimedOut) else SourceError
        return kind(f"{error}; {outcome}") if outcome else error

    def _look_again(self) -> str:
        """Check the connection and reconnect if needed; returns what happened to the host, "" if nothing did."""
        if self._given_up:
            raise SourceError(self._given_up)
        started, waited_s = time.monotonic(), self._wait_s
        try:
            return self._reopened()
        except SourceError as error:
            self._left_s -= max(0.0, time.monotonic() - started - waited_s)
            if self._left_s <= 0:
                self._connection.close()
                self._given_up = (
                    f"{self.url} is given up: it did not come back as a host that answers in {self._limit_s:g} s of "
                    f"looking at it; the last look: {error}"
                )
            raise

    def _reopened(self) -> str:
        if self._answers():
            self._suspect = False
            return ""  # the connection works: the command itself failed
        wait_s, self._wait_s = self._wait_s, 0.0
        fresh = self._connect(wait_s)
        try:
            boot = _boot_of(fresh)
        except BaseException:
            fresh.close()
            raise
        self._wait_s = self._left_s = self._limit_s
        self._suspect = False
        lost = "it was started anew" if boot != self._boot else "the connection to it broke"
        self._connection.close()
        self._connection, self._boot = fresh, boot
        self.reconnections.append(
            f"{self.url}: {lost}, so the guests of this run are gone; what comes next goes on with new ones"
        )
        return self.reconnections[-1]

    def _answers(self) -> bool:
        """Whether the host still answers over the current connection."""
        try:
            return self._connection.is_open and _boot_of(self._connection) == self._boot
        except SourceError:
            return False


class _WatchedStream:
    """A stream whose error states what happened to the host."""

    def __init__(self, stream: Stream, explained: Callable[[SourceError], SourceError]) -> None:
        self._stream, self._explained = stream, explained

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes, as Stream.read returns them."""
        try:
            return self._stream.read(limit_s)
        except SourceError as error:
            raise self._explained(error) from error

    def end_stdin(self) -> None:
        """Close the command's standard input; the command continues."""
        self._stream.end_stdin()


def _boot_of(connection: Connection) -> str:
    """The identifier of the host's current boot; "" if the host has none."""
    return connection.run(_BOOT_ID, limit_s=_BOOT_ID_LIMIT_S, max_bytes=_BOOT_ID_BYTES).text.strip()
