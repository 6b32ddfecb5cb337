"""A client of QEMU's monitor: the qemu.qmp library, with xenproof's errors and deadlines."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qemu.qmp import QMPError
from qemu.qmp.legacy import QEMUMonitorProtocol

from xenproof.errors import LabError

# The errors of a monitor that refuses a command, breaks or has ended.
_BROKEN = (QMPError, OSError, EOFError)


class Qmp:
    """An open monitor of one QEMU."""

    def __init__(self, monitor: QEMUMonitorProtocol) -> None:
        self._monitor = monitor

    def command(self, name: str, /, **arguments: object) -> dict[str, object]:
        """QEMU's answer to the QMP command `name`; raises LabError if QEMU refuses it or has ended.

        Arguments are spelled with underscores where QMP has dashes.
        """
        try:
            spelled = {key.replace("_", "-"): value for key, value in arguments.items()}
            answer = self._monitor.cmd(name, **spelled)
        except _BROKEN as error:
            raise LabError(f"QEMU did not do {name!r}: {error}") from error
        return answer if isinstance(answer, dict) else {"return": answer}

    def send_fd(self, fd: int) -> None:
        """Pass the open file `fd` to QEMU; the next command, getfd, gives it a name."""
        self._monitor.send_fd_scm(fd)

    def wait_for_status(self, command: str, while_in: set[str], limit_s: float) -> str:
        """Poll `command` until its status is not in `while_in`; returns that status."""
        deadline = time.monotonic() + limit_s
        while True:
            status = str(self.command(command).get("status"))
            if status not in while_in:
                return status
            if time.monotonic() > deadline:
                raise LabError(f"QEMU's {command!r} still says {status!r} after {limit_s:.0f} s")
            time.sleep(0.05)  # a poll with the deadline above


@contextmanager
def monitor(socket: Path, limit_s: float = 20.0) -> Iterator[Qmp]:
    """The monitor at `socket`, which QEMU opens early in its start; raises LabError after `limit_s`."""
    # Through a descriptor of the folder: a socket's path has at most 107 bytes, and the cache's path may be longer.
    folder = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        protocol = _connected(f"/proc/self/fd/{folder}/{socket.name}", socket, limit_s)
    finally:
        os.close(folder)
    try:
        protocol.settimeout(limit_s)
        yield Qmp(protocol)
    finally:
        # After `quit`, QEMU has already closed its end.
        with suppress(*_BROKEN):
            protocol.close()


def _connected(path: str, socket: Path, limit_s: float) -> QEMUMonitorProtocol:
    deadline = time.monotonic() + limit_s
    while True:
        protocol = QEMUMonitorProtocol(path)
        try:
            protocol.connect()
            return protocol  # noqa: TRY300  # otherwise the loop ends by the deadline below
        except _BROKEN as error:
            with suppress(*_BROKEN):
                protocol.close()
            if time.monotonic() > deadline:
                raise LabError(f"QEMU's monitor {socket} did not answer within {limit_s:.0f} s: {error}") from error
            time.sleep(0.05)  # a poll with the deadline above
