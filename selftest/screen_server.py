"""A QEMU of this machine without a disk, whose screen is served at a port of loopback."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from selftest.sshd import HOST, eventually


@contextmanager
def screen_server(port: int, *words: str) -> Iterator[None]:
    """QEMU with these words while it listens at `port`; ended afterwards."""
    qemu = shutil.which("qemu-system-x86_64")
    assert qemu, "QEMU is not installed; these tests need its SPICE and VNC servers (package qemu-system-x86)"
    small = ["-accel", "tcg", "-m", "32", "-nodefaults", "-vga", "std", "-monitor", "none", "-serial", "none"]
    process = subprocess.Popen([qemu, *small, *words], stdin=subprocess.DEVNULL, start_new_session=True)

    def listens() -> bool:
        assert process.poll() is None, "QEMU ended at once"
        with socket.socket() as sock:
            return sock.connect_ex((HOST, port)) == 0

    try:
        eventually(listens, "QEMU listens")
        yield
    finally:
        process.kill()
        process.wait()
