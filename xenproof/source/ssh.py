"""A live host over one ssh transport."""

import contextlib
import re
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST

from xenproof.errors import SourceError, XenproofError
from xenproof.source.connection import Completed
from xenproof.source.host_keys import HostKeys
from xenproof.source.limits import READ_SIZE, Collected
from xenproof.source.ssh_login import log_in

START_LIMIT_S = 30.0
END_LIMIT_S = 5.0
# The window of the host may be full without any event on our side, so stdin is offered this often.
STDIN_PAUSE_S = 0.01

# How long the host has, in seconds, to tell an exit code after the end of the output.
_LAST_WORD_S = 10.0


class SSHConnection:
    """A host on which commands run over one ssh transport, kept until `close`.

    One thread may run commands while others read streams.  Raises HostKeyError or SourceError
    where the host cannot be reached, is not the pinned one or refuses the login; tries to reach it
    again for `retry_until_s` seconds.
    """

    def __init__(
        self,
        *,
        url: str,
        host: str,
        port: int = 22,
        user: str = "root",
        identity: Path | None = None,
        pins: HostKeys | None = None,
        connect_limit_s: float = 30.0,
        retry_until_s: float = 0.0,
    ) -> None:
        self._url = url
        # Marks the line by which a command's shell tells its process id, so that it can be ended.
        self._mark = secrets.token_hex(8)
        self._transport = log_in(
            host,
            port,
            user,
            identity=identity,
            pins=pins or HostKeys.read(),
            connect_limit_s=connect_limit_s,
            retry_until_s=retry_until_s,
            transport_class=_Transport,
        )

    @property
    def url(self) -> str:
        """The host, as the user named it."""
        return self._url

    @property
    def transport(self) -> paramiko.Transport:
        """The one transport below, for forwarding ports and for tests."""
        return self._transport

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end; raises what Connection.run raises."""
        started = time.monotonic()
        output = Collected(command, self._url, max_bytes)
        session = self._start(command, limit_s)
        try:
            code = session.collect(output, stdin, started + limit_s)
            note = self._end(session) if code is None else ""
        except BaseException:
            self._end(session)
            raise
        finally:
            session.close()
        if code is None:
            raise output.timed_out(limit_s, note)
        return Completed(command, code, output.stdout, output.stderr, time.monotonic() - started)

    @contextmanager
    def follow(self, command: str, *, keep_stdin: bool = False) -> Iterator["SSHStream"]:
        """Start a shell command and read its output while it runs; leaving the context ends it."""
        session = self._start(command, START_LIMIT_S)
        try:
            if not keep_stdin:
                session.end_of_input()
            yield SSHStream(session)
        finally:
            self._end(session)
            session.close()

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        self._transport.close()

    def _start(self, command: str, limit_s: float) -> "_Session":
        # A second line of its own, so that a shell still replaces itself by the last command.
        return _Session(self._transport, f"echo {self._mark} $$ >&2\n{command}", self._url, self._mark, limit_s)

    def _end(self, session: "_Session") -> str:
        """End the command of `session` and its process group if it still runs; says how that went."""
        if session.ended or not self._transport.is_active():
            return ""
        if not session.announced(END_LIMIT_S):
            return " and may still run there: its shell did not start"
        # sshd refuses to pass signals to a root login and closing the channel ends nothing that is
        # silent, so the host's own kill has to do it.
        killer = f"kill -s KILL -- -{session.process_id}"
        session.process_id = None
        with contextlib.suppress(XenproofError):
            ending = _Session(self._transport, killer, self._url, self._mark, END_LIMIT_S)
            with contextlib.closing(ending):
                unused = Collected(killer, self._url, READ_SIZE)
                if ending.collect(unused, b"", time.monotonic() + END_LIMIT_S) == 0:
                    return " and was killed with its children"
        return " and may still run there: it could not be killed"


class SSHStream:
    """The output of a remote command that still runs; stderr is read and dropped."""

    def __init__(self, session: "_Session") -> None:
        self._session = session

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes of standard output, b"" if none came within `limit_s`, None at its end."""
        deadline = time.monotonic() + limit_s
        while True:
            out, _ = self._session.take()
            if out:
                return out
            if self._session.at_end:
                self._session.check_unbroken()
                return None
            if (left := deadline - time.monotonic()) <= 0:
                return b""
            self._session.wait(left)

    def end_stdin(self) -> None:
        """Tell the command that its standard input is at its end; it goes on."""
        self._session.end_of_input()


class _Session:
    """One command on its own channel of a transport."""

    def __init__(self, transport: paramiko.Transport, command: str, url: str, mark: str, limit_s: float) -> None:
        self._transport, self._url = transport, url
        self._announced = re.compile(rb"%s (\d+)\n" % mark.encode())
        self._head: bytearray | None = bytearray()
        self.process_id: int | None = None
        self._wake = _Wake()
        try:
            self._channel = transport.open_session(timeout=limit_s)
            self._channel.in_buffer.set_event(self._wake)
            self._channel.in_stderr_buffer.set_event(self._wake)
            # exec_command waits for the host's answer without any limit of its own.
            with _closed_after(self._channel, limit_s):
                self._channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise SourceError(f"{url} did not start a command: {str(error) or type(error).__name__}") from error

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

    def collect(self, output: Collected, stdin: bytes, deadline: float) -> int | None:
        """Give `stdin`, read everything; the exit code, or None if `deadline` came first."""
        pending = memoryview(stdin)
        while True:
            pending = self._offer(pending)
            out, err = self.take()
            output.add_stdout(out)
            output.add_stderr(err)
            if self.at_end:
                output.add_stderr(self.rest_of_head())
                break
            if (left := deadline - time.monotonic()) <= 0:
                return None
            if not out and not err:
                self.wait(min(left, STDIN_PAUSE_S) if pending else left)
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

    def _offer(self, pending: memoryview) -> memoryview:
        try:
            while pending and self._channel.send_ready():
                pending = pending[self._channel.send(pending[:READ_SIZE].tobytes()) :]
        except OSError:  # the command does not want the rest
            pending = pending[:0]
        if not pending and not self._channel.eof_sent:
            self.end_of_input()
        return pending

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


def _channel_request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    """Note the signal that ended a command as a shell would, 128 + N: paramiko drops that message."""
    copy = paramiko.Message(message.asbytes())
    copy.get_int()  # the channel
    kind, _ = copy.get_text(), copy.get_boolean()
    if kind == "exit-signal" and (number := getattr(signal, f"SIG{copy.get_text()}", None)) is not None:
        channel.exit_status = 128 + int(number)
        channel.status_event.set()
        return
    channel._handle_request(message)  # type: ignore[attr-defined]  # the stubs lack it


class _Transport(paramiko.Transport):
    _channel_handler_table: ClassVar[dict[int, Callable[[paramiko.Channel, paramiko.Message], None]]] = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # the stubs lack it
        MSG_CHANNEL_REQUEST: _channel_request,
    }
