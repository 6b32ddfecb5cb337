"""A real sshd on a free port of loopback, with keys, a configuration and a home folder of its own, for any user."""

import base64
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xenproof.source.host_keys import HostKey, HostKeys
from xenproof.source.ssh import SSHConnection

HOST = "127.0.0.1"


@dataclass
class Server:
    """A running sshd; `folder` holds its keys, `id` (let in) and `other` (not)."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    def connect(self, identity: str = "id", **options: Any) -> SSHConnection:
        return SSHConnection(
            url=f"ssh://{HOST}:{self.port}",
            host=HOST,
            port=self.port,
            user=getpass.getuser(),
            identity=self.folder / identity,
            pins=HostKeys.read(self.folder / "known_hosts"),
            **options,
        )

    def key(self, kind: str) -> HostKey:
        name, blob = (self.folder / f"host_{kind}.pub").read_text().split()[:2]
        return HostKey(name, base64.b64decode(blob))

    def pin(self, *keys: HostKey) -> None:
        lines = [f"[{HOST}]:{self.port} {key.type} {base64.b64encode(key.blob).decode()}\n" for key in keys]
        (self.folder / "known_hosts").write_text("".join(lines))

    def wait_until_it_listens(self) -> None:
        def listens() -> bool:
            with socket.socket() as sock:
                return sock.connect_ex((HOST, self.port)) == 0

        eventually(listens, "sshd listens")


def keygen(path: Path, kind: str = "ed25519") -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def eventually(happened: Callable[[], bool], what: str, limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < deadline, f"{what} within {limit_s:g} s"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether the process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@contextmanager
def starter(folder: Path, *options: str) -> Iterator[Callable[[], Server]]:
    """What starts an sshd with the keys in `folder` and further lines of configuration, any number of times.

    Every sshd that it started ends afterwards, with all of its children.
    """
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert sshd, "sshd is not installed; these tests need the server of OpenSSH (package openssh-server)"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd drops its privileges, made by its unit elsewhere
    for name in ("id", "other", "host_ed25519"):
        keygen(folder / name)
    keygen(folder / "host_ecdsa", "ecdsa")
    # What this machine's own shell start-up prints (a version manager's complaint, say) is not our subject.
    home = folder / "home"
    home.mkdir(exist_ok=True)
    port = free_port()
    lines = [f"ListenAddress {HOST}", f"Port {port}", "PidFile none", "UsePAM no", "StrictModes no", "PrintMotd no"]
    lines += [f"HostKey {folder}/host_ed25519", f"HostKey {folder}/host_ecdsa"]
    lines += [f"AuthorizedKeysFile {folder}/id.pub", "PasswordAuthentication no"]
    lines += [f"SetEnv HOME={home}", *options]
    (folder / "config").write_text("\n".join([*lines, ""]))
    started: list[Server] = []

    def begin() -> Server:
        with (folder / "log").open("ab") as log:
            command = [sshd, "-D", "-e", "-f", str(folder / "config")]
            process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        server = Server(folder, port, process)
        server.pin(server.key("ed25519"))
        started.append(server)
        return server

    try:
        yield begin
    finally:
        for server in started:
            kill(server)


def kill(server: Server) -> None:
    """Kill the listener, the servers of its connections and what runs in them, as a crash of the host would."""
    if server.process.returncode is not None:
        return
    # Halted first: whom it still let in while it was looked at would keep its port.
    server.process.send_signal(signal.SIGSTOP)
    victims = [server.process.pid]
    for parent in victims:  # grows while it is walked
        victims += [pid for pid in processes() if is_child_of(pid, parent)]
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.process.wait()
    eventually(lambda: all(gone(pid) for pid in victims), "the sshd and its children end")


def processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def is_child_of(pid: int, parent: int) -> bool:
    """Whether `parent` started the process `pid`."""
    try:
        rest = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return int(rest.split()[1]) == parent
