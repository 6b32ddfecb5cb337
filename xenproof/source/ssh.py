"""A live host over one ssh transport."""

import contextlib
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import paramiko

from xenproof.errors import XenproofError
from xenproof.source.connection import Completed
from xenproof.source.forward import forwarded
from xenproof.source.host_keys import HostKeys
from xenproof.source.limits import READ_SIZE, Collected
from xenproof.source.ssh_login import log_in
from xenproof.source.ssh_session import Session
from xenproof.source.ssh_transport import SessionTransport, end
from xenproof.source.time_limits import TIME_LIMITS, TimeLimits


class SSHConnection:
    """A host on which commands run over one ssh transport, which stays open until `close`.

    One thread may run commands while others read streams.  Raises HostKeyError or SourceError
    if the host cannot be reached, has another key than the pinned one or refuses the login; retries the
    connection for `retry_until_s` seconds.
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
        limits: TimeLimits = TIME_LIMITS,
    ) -> None:
        self._url = url
        self._limits = limits
        # Marks the line in which a command's shell prints its process id, so that the command can be killed.
        self._mark = secrets.token_hex(8)
        self._transport = log_in(
            host,
            port,
            user,
            identity=identity,
            pins=pins or HostKeys.read(),
            connect_limit_s=connect_limit_s,
            retry_until_s=retry_until_s,
            login_limit_s=limits.login_s,
            transport_class=SessionTransport,
        )

    @property
    def url(self) -> str:
        """The host's URL as the user wrote it."""
        return self._url

    @property
    def transport(self) -> paramiko.Transport:
        """The transport below, for forwarding ports and for tests."""
        return self._transport

    @property
    def is_open(self) -> bool:
        """Whether it is unbroken, as far as this side can tell."""
        return bool(self._transport.is_active())

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end; raises what Connection.run raises."""
        with self.beside(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes) as result:
            return result()

    @contextmanager
    def beside(
        self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20
    ) -> Iterator[Callable[[], Completed]]:
        """Start a shell command; the returned function waits for its end, and raises what `run` raises.

        Leaving the context ends the command.  Raises NotStarted if the host does not start it.
        """
        started = time.monotonic()
        output = Collected(command, self._url, max_bytes)
        session = self._start(command, limit_s)

        def result() -> Completed:
            if (code := session.collect(output, started + limit_s)) is None:
                raise output.timed_out(limit_s, self._end(session))
            return Completed(command, code, output.stdout, output.stderr, time.monotonic() - started)

        try:
            session.give(stdin, limit_s)
            yield result
        finally:
            if not sys.is_finalizing():
                self._end(session)
                session.close()

    @contextmanager
    def follow(self, command: str, *, keep_stdin: bool = False) -> Iterator["SSHStream"]:
        """Start a shell command and read its output while it runs; see Connection.follow for how it ends."""
        session = self._start(command, self._limits.answer_s)
        try:
            if not keep_stdin:
                session.end_of_input()
            yield SSHStream(session)
        finally:
            # A context that is only dropped is left while Python itself ends; the connection ends with the process.
            if not sys.is_finalizing():
                if keep_stdin:
                    session.end_of_input()
                else:
                    self._end(session)
                session.close()

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port on our own loopback that leads to `port` on the host's, while the context lasts."""
        return forwarded(self._transport, port)

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        end(self._transport)

    def _start(self, command: str, limit_s: float) -> Session:
        # On its own line, so that a shell still replaces itself with the last command.
        command = f"echo {self._mark} $$ >&2\n{command}"
        return Session(self._transport, command, self._url, self._mark, limit_s, self._limits)

    def _end(self, session: Session) -> str:
        """End the command of `session` and its process group if it still runs; returns how that went."""
        if session.ended or session.given_up or not self._transport.is_active():
            return ""
        session.given_up = True
        end_s = self._limits.end_s
        with contextlib.suppress(XenproofError):
            if not session.announced(end_s):
                return " and may still run there: its shell did not start"
            # sshd refuses to pass signals to a root login, and closing the channel does not end a command that
            # prints nothing, so kill it with the host's own kill.
            killer = f"kill -s KILL -- -{session.process_id}"
            ending = Session(self._transport, killer, self._url, self._mark, end_s, self._limits)
            with contextlib.closing(ending):
                unused = Collected(killer, self._url, READ_SIZE)
                ending.give(b"", end_s)
                if ending.collect(unused, time.monotonic() + end_s) == 0:
                    return " and was killed with its children"
        return " and may still run there: it could not be killed"


class SSHStream:
    """The output of a remote command that is still running; stderr is read and dropped."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes of standard output, b"" if there were none within `limit_s`, None at its end."""
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
        """Close the command's standard input; the command continues."""
        self._session.end_of_input()
