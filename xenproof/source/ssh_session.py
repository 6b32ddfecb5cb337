"""One command on its own channel of an ssh transport."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from xenproof.errors import SourceError
from xenproof.source.connection import NotStarted
from xenproof.source.limits import READ_SIZE, Collected
from xenproof.source.ssh_transport import given_up_after, reason
from xenproof.source.time_limits import TIME_LIMITS, TimeLimits

# The host's window may be full, and nothing reports when it opens, so sending is retried at this interval.
STDIN_PAUSE_S = 0.01
# The line in which a shell prints its process id: a mark of 16 characters and at most nine digits.
_ANNOUNCED_BYTES = 32
_MOST_SENDS = 100
# A host that had to wait with its output continues within this time.
_QUIET_S = 0.5


class Session:
    """One command on its own channel of a transport.

    Every method raises SourceError if the connection broke, which the transport may report with any exception.
    """

    def __init__(
        self,
        transport: paramiko.Transport,
        command: str,
        url: str,
        mark: str,
        limit_s: float,
        limits: TimeLimits = TIME_LIMITS,
    ) -> None:
        self._transport, self._url, self._limits = transport, url, limits
        # No process id is longer; 0 and 1 cannot be ours.
        self._announced = re.compile(rb"%s (\d{1,9})\n" % mark.encode())
        self._head: bytearray | None = bytearray()
        self._pending = memoryview(b"")
        self.process_id: int | None = None
        self.given_up = False
        self._wake = _Wake()
        self._stalled = threading.Event()
        limit_s = min(limit_s, limits.answer_s)
        late = threading.Event()
        what = f"it opened no channel within {limit_s:g} s"
        with given_up_after(transport, 2 * limit_s + limits.end_s) as given_up:
            try:
                self._channel = transport.open_session(timeout=limit_s)
                what = f"it did not answer within {limit_s:g} s"
                self._channel.in_buffer.set_event(self._wake)
                self._channel.in_stderr_buffer.set_event(self._wake)
                # exec_command has no time limit of its own.
                with _closed_after(self._channel, limit_s, late):
                    self._channel.exec_command(command)
            except Exception as error:
                timed_out = late.is_set() or given_up.is_set() or str(error) == "Timeout opening channel."
                raise NotStarted(f"{url} did not start a command: {what if timed_out else reason(error)}") from error

    @property
    def at_end(self) -> bool:
        """Whether no more output can arrive."""
        channel = self._channel
        ended = channel.eof_received or channel.closed
        return bool(ended) and not channel.recv_ready() and not channel.recv_stderr_ready()

    @property
    def ended(self) -> bool:
        """Whether the host sent the exit status and no more output can arrive."""
        return self._channel.exit_status_ready() and self.at_end

    def give(self, stdin: bytes, limit_s: float) -> None:
        """Send as much of `stdin` as the host accepts at once; sending may block.  `collect` sends the rest."""
        self._pending = memoryview(stdin)
        with given_up_after(self._transport, limit_s + self._limits.end_s) as self._stalled:
            try:
                self._offer()
            except SourceError:
                if not self._stalled.is_set():
                    raise

    def collect(self, output: Collected, deadline: float) -> int | None:
        """Send the rest of stdin and read all output; returns the exit code, or None if `deadline` came first."""
        if self._stalled.is_set():
            return None
        # Output that arrived before the deadline is read, even if `collect` is called later.
        end = max(deadline, time.monotonic()) + self._limits.end_s
        with given_up_after(self._transport, end - time.monotonic()) as given_up:
            try:
                return self._collected(output, deadline, end)
            except SourceError:
                if given_up.is_set():
                    return None
                raise

    def _collected(self, output: Collected, deadline: float, end: float) -> int | None:
        quiet_at = deadline
        while True:
            self._offer()
            out, err = self.take()
            output.add_stdout(out)
            output.add_stderr(err)
            if self.at_end:
                output.add_stderr(self.rest_of_head())
                break
            if (left := deadline - time.monotonic()) <= 0:
                if out or err:
                    quiet_at = time.monotonic() + _QUIET_S
                if time.monotonic() >= min(quiet_at, end):
                    return None
                left = min(quiet_at, end) - time.monotonic()
            if not out and not err:
                self.wait(min(left, STDIN_PAUSE_S) if self._pending else left)
        if not self._channel.status_event.wait(max(0.0, max(deadline, quiet_at) - time.monotonic())):
            return None
        self.check_unbroken()
        return self._channel.exit_status

    def take(self) -> tuple[bytes, bytes]:
        """The data that arrived on stdout and on stderr, without waiting."""
        self._wake.reset()
        channel = self._channel
        with self._unbroken():
            out = channel.recv(READ_SIZE) if channel.recv_ready() else b""
            err = channel.recv_stderr(READ_SIZE) if channel.recv_stderr_ready() else b""
        return out, self._without_announcement(err)

    def wait(self, limit_s: float) -> None:
        """Wait until data arrives, at most `limit_s`."""
        # `take` resets the event and may leave data, because it reads a limited amount.
        if not self._channel.recv_ready() and not self._channel.recv_stderr_ready():
            self._wake.wait(limit_s)

    def announced(self, limit_s: float) -> bool:
        """Whether the shell has printed its process id within at most `limit_s`; its output is dropped."""
        deadline = time.monotonic() + limit_s
        while self.process_id is None and not self.at_end and (left := deadline - time.monotonic()) > 0:
            if not any(self.take()) and self.process_id is None:
                self.wait(left)
        return self.process_id is not None

    def check_unbroken(self) -> None:
        """Raise SourceError if the host did not send the command's exit status."""
        # The end of the output is a separate message, before the one with the exit code.
        self._channel.status_event.wait(self._limits.last_word_s)
        if self._channel.exit_status == -1:
            if self._transport.is_active():
                raise SourceError(f"{self._url} ended a command without telling its exit code; try again")
            raise self._broken(self._transport.get_exception())

    def end_of_input(self) -> None:
        """Close the command's standard input."""
        with given_up_after(self._transport, self._limits.answer_s), self._unbroken(), contextlib.suppress(OSError):
            self._channel.shutdown_write()

    def close(self) -> None:
        """Close the channel, and drop unread data; never raises."""
        with given_up_after(self._transport, self._limits.end_s), contextlib.suppress(Exception):
            self._channel.close()
        self._channel.in_buffer.empty()
        self._channel.in_stderr_buffer.empty()

    def rest_of_head(self) -> bytes:
        """The part of stderr that was held back until the line with the process id."""
        head, self._head = self._head, None
        return bytes(head or b"")

    def _offer(self) -> None:
        with self._unbroken():
            try:
                # Limited, because a host that opens its window one byte at a time could make this loop endless.
                for _ in range(_MOST_SENDS):
                    if not self._pending or not self._channel.send_ready():
                        break
                    self._pending = self._pending[self._channel.send(self._pending[:READ_SIZE].tobytes()) :]
            except OSError:  # the command does not read the rest
                self._pending = self._pending[:0]
        if not self._pending and not self._channel.eof_sent:
            self.end_of_input()

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise self._broken(error) from error

    def _broken(self, error: BaseException | None) -> SourceError:
        why = f" ({reason(error)})" if error else ""
        return SourceError(f"the connection to {self._url} broke while a command ran{why}; see whether the host is up")

    def _without_announcement(self, err: bytes) -> bytes:
        if self._head is None or not err:
            return err
        begin = max(0, len(self._head) - _ANNOUNCED_BYTES)
        self._head += err
        if found := self._announced.search(self._head, begin):
            self.process_id = int(found[1]) if int(found[1]) > 1 else None
            del self._head[found.start() : found.end()]
            return self.rest_of_head()
        # Reached only if a shell prints a lot before its first command.
        return self.rest_of_head() if len(self._head) > READ_SIZE else b""


class _Wake(threading.Event):
    """Set by each of a channel's two buffers when data arrived; cleared by the reader only.

    A buffer clears its event when it runs empty, which would hide data in the other one.
    """

    def clear(self) -> None:
        """Do nothing: see `reset`."""

    def reset(self) -> None:
        """Clear the event; call it before reading."""
        super().clear()


@contextmanager
def _closed_after(channel: paramiko.Channel, limit_s: float, closed: threading.Event) -> Iterator[None]:
    """Close `channel` if the context takes longer than `limit_s`; the event `closed` is then set."""

    def close() -> None:
        closed.set()
        with contextlib.suppress(Exception):
            channel.close()

    timer = threading.Timer(limit_s, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if not closed.is_set():
            timer.join()
