"""A connection to a host that may be started anew in the middle of a run: what it breaks says so, the rest goes on."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from xenproof.errors import CommandFailed, CommandTimedOut, OutputTooLarge, SourceError
from xenproof.source.connection import Completed, Connection, Forwards, Stream

REBOOT_LIMIT_S = 300.0
"""So long a host may take to come back."""
_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
_BOOT_ID_BYTES = 4096
_BOOT_ID_LIMIT_S = 10.0


class Breakable(Connection, Forwards, Protocol):
    """A connection that knows whether it broke."""

    @property
    def is_open(self) -> bool:
        """Whether it has not broken, as far as this side knows."""
        ...


class ReconnectingConnection:
    """A connection that is opened again where it broke.

    The command in which that happens raises, and says what became of the host; the next one runs over a new
    connection.  A host that does not come back is waited for once, and then looked at for each command; what that takes
    has the same limit in all.  Beyond it the host is given up, and each command raises at once.
    """

    def __init__(self, connect: Callable[[float], Breakable], limit_s: float = REBOOT_LIMIT_S) -> None:
        """`connect` makes a connection, and tries again for so many seconds where the host does not answer."""
        self._connect, self._limit_s = connect, limit_s
        self._connection = connect(0.0)
        self._boot = _boot_of(self._connection)
        self._wait_s = limit_s
        self._left_s = limit_s
        self._given_up = ""
        self._suspect = False
        self.news: list[str] = []
        """What became of the host, each time that the connection had to be opened again."""

    @property
    def url(self) -> str:
        """The host, as the user named it."""
        return self._connection.url

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end; raises what Connection.run raises."""
        with self._watched() as connection:
            return connection.run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)

    @contextmanager
    def follow(self, command: str, *, keep_stdin: bool = False) -> Iterator[Stream]:
        """Start a shell command and read its output while it runs; a stream that breaks is not opened again."""
        with ExitStack() as held:
            with self._watched() as connection:
                stream = held.enter_context(connection.follow(command, keep_stdin=keep_stdin))
            yield _WatchedStream(stream, self._explained)

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port of our own loopback that leads to `port` of the host's, as long as the context."""
        with self._watched() as connection:
            return connection.forward(port)

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        self._connection.close()

    def look(self) -> None:
        """Make sure that the next command can run; raises SourceError where the host does not answer."""
        if self._suspect or not self._connection.is_open:
            self._look_again()

    @contextmanager
    def _watched(self) -> Iterator[Breakable]:
        """The connection, for one command whose error tells what became of the host."""
        self.look()
        try:
            yield self._connection
        except (CommandFailed, OutputTooLarge):
            raise
        except SourceError as error:
            raise self._explained(error) from error

    def _explained(self, error: SourceError) -> SourceError:
        """The error, with what became of the host where that explains it."""
        self._suspect = True
        try:
            news = self._look_again()
        except SourceError as why:
            news = str(why)
        kind = CommandTimedOut if isinstance(error, CommandTimedOut) else SourceError
        return kind(f"{error}; {news}") if news else error

    def _look_again(self) -> str:
        """Go on over a connection that works; in words what happened, "" where nothing did."""
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
            return ""  # it was the command
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
        self.news.append(
            f"{self.url}: {lost}, so the guests of this run are gone; what comes next goes on with new ones"
        )
        return self.news[-1]

    def _answers(self) -> bool:
        """Whether the host still answers over the connection that there is."""
        try:
            return self._connection.is_open and _boot_of(self._connection) == self._boot
        except SourceError:
            return False


class _WatchedStream:
    """A stream whose break tells what became of the host."""

    def __init__(self, stream: Stream, explained: Callable[[SourceError], SourceError]) -> None:
        self._stream, self._explained = stream, explained

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes, as Stream.read has them."""
        try:
            return self._stream.read(limit_s)
        except SourceError as error:
            raise self._explained(error) from error

    def end_stdin(self) -> None:
        """Tell the command that its standard input is at its end; it goes on."""
        self._stream.end_stdin()


def _boot_of(connection: Connection) -> str:
    """What only this start of the host has; "" where it has no such thing."""
    return connection.run(_BOOT_ID, limit_s=_BOOT_ID_LIMIT_S, max_bytes=_BOOT_ID_BYTES).text.strip()
