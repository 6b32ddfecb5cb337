"""Waits until a lab host is ready: for its login prompt first, then for ssh, as attempts of ssh slow down its boot."""

import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from xenproof.errors import LabError, SourceError
from xenproof.lab.child import tail
from xenproof.lab.qmp import Qmp
from xenproof.source.host_keys import HostKeys
from xenproof.source.ssh import SSHConnection

_LOGIN = b" login: "
_PINS = "known_hosts"

# The programs that probes run, and most of those for guests: on a lab host, the first start of each takes a second or
# two, so they are run before the snapshot.
_WARM = (
    "xl info; xl list; xl dmesg; xenstore-ls",
    "virsh -c xen:///system version --daemon",
    # Loads the loop driver: the first load once took 35 s of the 40 s that libxl gives the script of a guest's disk.
    "losetup -f",
    "systemctl list-units --all; journalctl --lines 20",
    "dpkg-query -W; dpkg -V $(dpkg-query -W -f '${Package} ' '*xen*' 'libvirt-*' 'qemu-system-x86*' 'grub-*')",
    "sshd -T; lsattr -d /; df",
    "sync",
)


class LoginFiles(Protocol):
    """What logs in to a lab host: a private key for root, and the keys by which the host has to answer."""

    @property
    def key(self) -> Path:
        """The private key."""

    @property
    def host_keys(self) -> Path:
        """The host's public keys, one per line, as in a known_hosts file without the host's name."""


def wait_for_login(process: "subprocess.Popen[bytes]", serial: Path, log: Path, limit_s: float) -> None:
    """Return when dom0 shows its login prompt on the serial console.

    Raises LabError with the tail of the serial log when QEMU ends or `limit_s` is over.
    """
    deadline = time.monotonic() + limit_s
    while not (serial.is_file() and _LOGIN in serial.read_bytes()[-4096:]):
        if process.poll() is not None:
            raise LabError(f"QEMU ended with status {process.returncode} while the host booted; {tail(log)}\n"
                           f"{tail(serial)}")  # fmt: skip
        if time.monotonic() > deadline:
            raise LabError(f"the lab host did not come up within {limit_s:.0f} s; {tail(serial)}")
        time.sleep(0.2)  # a poll with the deadline above


def forwarded_port(qmp: Qmp) -> int:
    """The port of loopback that QEMU chose for the host's ssh."""
    usernet = str(qmp.command("human-monitor-command", command_line="info usernet").get("return", ""))
    #   TCP[HOST_FORWARD]  14       127.0.0.1 40837       10.0.2.15    22       0     0
    found = re.search(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s", usernet)
    if found is None:
        raise LabError(f"QEMU forwards no port to the host's ssh; `info usernet` prints {usernet!r}")
    return int(found[1])


def pin(folder: Path, port: int, host_keys: Iterable[str]) -> None:
    """From now on accept only `host_keys`, lines of a public key each, of the host of the run in `folder`."""
    new = folder / f"{_PINS}.new"
    new.write_text("".join(f"[127.0.0.1]:{port} {key}\n" for key in host_keys), "utf-8")
    new.replace(folder / _PINS)


def connect(image: LoginFiles, url: str, port: int, folder: Path, limit_s: float) -> SSHConnection:
    """A connection to the lab host that accepts only the host keys of its image; retries for `limit_s`."""
    pins = folder / _PINS
    if not pins.exists():
        pin(folder, port, image.host_keys.read_text("utf-8").splitlines())
    return SSHConnection(
        url=url,
        host="127.0.0.1",
        port=port,
        user="root",
        identity=image.key,
        pins=HostKeys.read(pins),
        connect_limit_s=limit_s,
        retry_until_s=limit_s,
    )


def settle(image: LoginFiles, port: int, folder: Path) -> None:
    """Return when dom0 has started all its units; raises LabError with the names of those that failed.

    Also runs once the programs that checks run later, so that they are in the host's memory when it is saved.
    """
    try:
        connection = connect(image, "the new lab host", port, folder, 120)
        try:
            # wait: systemd 240 and later; a failed unit makes it "degraded" and the exit code 1.
            state = connection.run("systemctl is-system-running --wait", limit_s=300)
            if state.text.strip() != "running":
                failed = connection.run("systemctl --failed --no-legend --plain", limit_s=60).text
                raise LabError(f"dom0 is {state.text.strip()!r} after its boot, expected 'running':\n{failed}")
            connection.run(f"{{ {'; '.join(_WARM)}; }} >/dev/null 2>&1", limit_s=180).check(0)
        finally:
            connection.close()
    except SourceError as error:
        raise LabError(f"the lab host booted but cannot be used: {error}; {tail(folder / 'serial.log')}") from error
