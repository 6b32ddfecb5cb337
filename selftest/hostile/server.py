"""An ssh server on loopback that misbehaves as a test tells it."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, MSG_CHANNEL_REQUEST, OPEN_SUCCEEDED

from selftest.sshd import HOST, keygen
from xenproof.source.host_keys import HostKeys
from xenproof.source.ssh import SSHConnection
from xenproof.source.time_limits import TimeLimits

# What a test waits for the server's own threads.
LIMIT_S = 20.0
# Short ones, so that a host that says nothing is given up in a second.
BRIEF = TimeLimits(
    answer_s=1.0, login_s=3.0, end_s=0.5, last_word_s=0.5, next_session_s=1.0, round_s=2.0, reading_s=4.0
)  # fmt: skip


@dataclass
class Command:
    """A command that the host was asked to run."""

    text: str
    channel: paramiko.Channel
    ended: threading.Event
    stdin: bytes = b""

    @property
    def transport(self) -> Any:
        """The server's end of the connection, with all that its type does not tell."""
        return self.channel.get_transport()

    @property
    def is_script(self) -> bool:
        """Whether it is the script of the probes."""
        return "eval" in self.text

    def announce(self, process_id: bytes = b"12345") -> None:
        """Tell the process id as the shell would."""
        mark = self.text.split()[1].encode()
        self.channel.sendall_stderr(mark + b" " + process_id + b"\n")

    def read_script(self) -> tuple[bytes, int]:
        """The mark of the frames and the number of probes; reads the standard input to its end."""
        while data := self.channel.recv(1 << 16):
            self.stdin += data
        found = re.search(rb"^n=([0-9a-f]{32})$", self.stdin, re.MULTILINE)
        assert found, self.stdin[:200]
        return found[1], len(re.findall(rb"^p \d+ ", self.stdin, re.MULTILINE))

    def both(self, data: bytes) -> None:
        self.channel.sendall(data)
        self.channel.sendall_stderr(data)

    def frames(self, mark: bytes, count: int) -> list[bytes]:
        """All frames of a good host on which each probe printed a line."""
        rows = [b"x\n%s %d 0 0\n" % (mark, number) for number in range(count)]
        return [mark + b" start session\n", *rows, mark + b" end\n"]

    def finish(self, exit_code: int = 0) -> None:
        self.channel.send_exit_status(exit_code)
        self.channel.close()

    def wait(self) -> None:
        """Until the client has gone."""
        while not self.ended.is_set() and self.transport.is_active():
            self.ended.wait(0.05)


def honest(command: Command) -> None:
    """Each probe prints a line; any other command prints one."""
    command.announce()
    if command.is_script:
        command.both(b"".join(command.frames(*command.read_script())))
    else:
        command.channel.sendall(b"hello\n")
    command.finish()


@dataclass(frozen=True)
class Behaviour:
    """What is wrong with a host; without any of it, it is honest."""

    run: Callable[[Command], None] = honest
    """What it does with the script of the probes."""
    always: bool = False
    """Whether it does so with all other commands as well."""
    raw: Callable[[socket.socket, threading.Event], None] | None = None
    """What it does with a connection, where it is no ssh server at all."""
    opens: bool = True
    """Whether it answers to a channel that is opened."""
    starts: bool = True
    """Whether it answers to a command."""
    login: Callable[["Host"], int] | None = None
    """What it answers to a key; each is let in without."""
    kinds: str = "publickey"
    """The ways to log in that it names."""
    banner: str = ""
    """What it says before the login."""
    version: str = "SSH-2.0-hostile"
    """Its version, as it stands on the wire."""
    transport: type[paramiko.Transport] = paramiko.Transport
    begun: Callable[[paramiko.Transport], None] | None = None
    """What it does once the keys are exchanged."""


@dataclass
class Host(paramiko.ServerInterface):
    """One connection to the server."""

    behaviour: Behaviour
    ended: threading.Event
    transport: Any
    keys: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def get_allowed_auths(self, username: str) -> str:
        return self.behaviour.kinds

    def get_banner(self) -> tuple[str, str]:
        return (self.behaviour.banner, "en") if self.behaviour.banner else (None, None)  # type: ignore[return-value]

    def check_auth_none(self, username: str) -> int:
        return AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.keys += 1
        return self.behaviour.login(self) if self.behaviour.login else AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if not self.behaviour.opens:
            self.ended.wait(LIMIT_S)
        return OPEN_SUCCEEDED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if not self.behaviour.starts:
            self.ended.wait(LIMIT_S)
        thread = threading.Thread(target=self._run, args=(Command(command.decode(), channel, self.ended),), daemon=True)
        self.threads.append(thread)
        return True

    def take_request(self, channel: Any, message: paramiko.Message) -> None:
        """Answer a request, and only then begin what it asks for."""
        known = len(self.threads)
        channel._handle_request(message)
        for thread in self.threads[known:]:
            thread.start()

    def _run(self, command: Command) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            (self.behaviour.run if command.is_script or self.behaviour.always else honest)(command)


@dataclass
class Server:
    """A running hostile server; `folder` has the identity `id` and the pins `known_hosts` of it."""

    folder: Path
    port: int
    hosts: list[Host]

    @property
    def url(self) -> str:
        return f"ssh://root@{HOST}:{self.port}"

    def connect(self, limits: TimeLimits = BRIEF, **options: Any) -> SSHConnection:
        return SSHConnection(
            url=self.url,
            host=HOST,
            port=self.port,
            pins=HostKeys.read(self.folder / "known_hosts"),
            **{"identity": self.folder / "id", "connect_limit_s": 2.0, "limits": limits, **options},
        )


@contextmanager
def hostile(folder: Path, *behaviours: Behaviour) -> Iterator[Server]:
    """A server; its first connection has the first behaviour, and so on, the last one stays."""
    for name in ("id", "host"):
        if not (folder / name).exists():
            keygen(folder / name)
    host_key = paramiko.Ed25519Key.from_private_key_file(str(folder / "host"))
    left = list(behaviours) or [Behaviour()]
    ended, threads = threading.Event(), []
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(0.1)
        server = Server(folder, listener.getsockname()[1], [])
        (folder / "known_hosts").write_text(f"[{HOST}]:{server.port} ssh-ed25519 {host_key.get_base64()}\n")

        def accept() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    sock, _ = listener.accept()
                    behaviour = left.pop(0) if len(left) > 1 else left[0]
                    threads.append(thread := threading.Thread(target=serve, args=(sock, behaviour), daemon=True))
                    thread.start()

        def serve(sock: socket.socket, behaviour: Behaviour) -> None:
            with sock, contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                if behaviour.raw is not None:
                    behaviour.raw(sock, ended)
                    return
                transport = behaviour.transport(sock)
                transport.local_version = behaviour.version
                transport.add_server_key(host_key)
                server.hosts.append(host := Host(behaviour, ended, transport))
                table: Any = transport
                table._channel_handler_table = {**table._channel_handler_table, MSG_CHANNEL_REQUEST: host.take_request}
                try:
                    transport.start_server(server=host, event=(begun := threading.Event()))
                    while not ended.is_set() and transport.is_active():
                        if begun.wait(0.05) and behaviour.begun is not None:
                            behaviour.begun(transport)
                            break
                    while not ended.is_set() and transport.is_active():
                        ended.wait(0.05)
                finally:
                    transport.close()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            ended.set()
            accepting.join()
            deadline = time.monotonic() + LIMIT_S
            for thread in threads:
                thread.join(max(0.1, deadline - time.monotonic()))
