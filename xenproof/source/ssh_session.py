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

# The window of the host may be full without any event on our side, so stdin is offered this often.
STDIN_PAUSE_S = 0.01

# How long the host has, in seconds, to tell an exit code after the end of the output.
_LAST_WORD_S = 10.0


class Session:
    """One command on its own channel of a transport."""

    def __init__(self, transport: paramiko.Transport, command: str, url: str, mark: str, limit_s: float) -> None:
        self._transport, self._url = transport, url
        self._announced = re.compile(rb"%s (\d+)\n" % mark.encode())
        self._head: bytearray | None = bytearray()
        self._pending = memoryview(b"")
        self.process_id: int | None = None
        self.given_up = False
        self._wake = _Wake()
        try:
            self._channel = transport.open_session(timeout=limit_s)
            self._channel.in_buffer.set_event(self._wake)
            self._channel.in_stderr_buffer.set_event(self._wake)
            # exec_command waits for the host's answer without any limit of its own.
            with _closed_after(self._channel, limit_s):
                self._channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise NotStarted(f"{url} did not start a command: {str(error) or type(error).__name__}") from error

    @property
    def at_end(self) -> bool:
        """Whether no more output can come."""
        channel = self._channel
        ended = channel.eof_received or channel.closed
        return bool(ended) and not channel.recv_ready() and not channel.recv_stderr_ready()

    @property
    def ended(self) -> bool:
        """Whether the host said how the command ended and no output can come any more."""
        return self._channel.exit_status_ready() and self.at_end

    def give(self, stdin: bytes) -> None:
        """Send of `stdin` what the host takes now; `collect` sends the rest."""
        self._pending = memoryview(stdin)
        self._offer()

    def collect(self, output: Collected, deadline: float) -> int | None:
        """Give the rest of stdin, read everything; the exit code, or None if `deadline` came first."""
        while True:
            self._offer()
            out, err = self.take()
            output.add_stdout(out)
            output.add_stderr(err)
            if self.at_end:
                output.add_stderr(self.rest_of_head())
                break
            if (left := deadline - time.monotonic()) <= 0:
                return None
            if not out and not err:
                self.wait(min(left, STDIN_PAUSE_S) if self._pending else left)
        if not self._channel.status_event.wait(max(0.0, deadline - time.monotonic())):
            return None
        self.check_unbroken()
        return self._channel.exit_status

    def take(self) -> tuple[bytes, bytes]:
        """What has arrived on stdout and on stderr, without waiting."""
        self._wake.reset()
        channel = self._channel
        out = channel.recv(READ_SIZE) if channel.recv_ready() else b""
        err = channel.recv_stderr(READ_SIZE) if channel.recv_stderr_ready() else b""
        return out, self._without_announcement(err)

    def wait(self, limit_s: float) -> None:
        """Wait until there is something to take, at most `limit_s`."""
        # `take` resets the event and may leave data, as it takes a limited amount.
        if not self._channel.recv_ready() and not self._channel.recv_stderr_ready():
            self._wake.wait(limit_s)

    def announced(self, limit_s: float) -> bool:
        """Whether the shell has told its process id, waiting for it at most `limit_s`; output is dropped."""
        deadline = time.monotonic() + limit_s
        while self.process_id is None and not self.at_end and (left := deadline - time.monotonic()) > 0:
            if not any(self.take()):
                self.wait(left)
        return self.process_id is not None

    def check_unbroken(self) -> None:
        """Raise SourceError if the command's end was not told by the host."""
        # The end of the output comes in a message of its own, before the one with the exit code.
        self._channel.status_event.wait(_LAST_WORD_S)
        if self._channel.exit_status == -1:
            if self._transport.is_active():
                raise SourceError(f"{self._url} ended a command without telling its exit code; try again")
            raise SourceError(f"the connection to {self._url} broke while a command ran; see whether the host is up")

    def end_of_input(self) -> None:
        """Tell the command that its standard input is at its end."""
        with contextlib.suppress(OSError):
            self._channel.shutdown_write()

    def close(self) -> None:
        """Close the channel; never raises."""
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.close()

    def rest_of_head(self) -> bytes:
        """What was held back of stderr while the shell's announcement had not come."""
        head, self._head = self._head, None
        return bytes(head or b"")

    def _offer(self) -> None:
        try:
            while self._pending and self._channel.send_ready():
                self._pending = self._pending[self._channel.send(self._pending[:READ_SIZE].tobytes()) :]
        except OSError:  # the command does not want the rest
            self._pending = self._pending[:0]
        if not self._pending and not self._channel.eof_sent:
            self.end_of_input()

    def _without_announcement(self, err: bytes) -> bytes:
        if self._head is None:
            return err
        self._head += err
        if found := self._announced.search(self._head):
            self.process_id = int(found[1])
            del self._head[found.start() : found.end()]
            return self.rest_of_head()
        # Only a shell that prints a lot before its first command gets here.
        return self.rest_of_head() if len(self._head) > READ_SIZE else b""


class _Wake(threading.Event):
    """Set by each of a channel's two buffers when something arrived; cleared by the reader only.

    The buffers clear their event when they run empty, which would hide what the other one holds.
    """

    def clear(self) -> None:
        """Nothing: see `reset`."""

    def reset(self) -> None:
        """Forget what arrived; call it before reading."""
        super().clear()


@contextmanager
def _closed_after(channel: paramiko.Channel, limit_s: float) -> Iterator[None]:
    timer = threading.Timer(limit_s, channel.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
