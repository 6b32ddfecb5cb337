"""A lab host from a disk image of the user's own: booted on an overlay, so that the image is never written to."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import paramiko

from xenproof.errors import LabError, UsageError
from xenproof.image.disk.qcow2_header import MAGIC
from xenproof.lab import accel
from xenproof.lab.child import tail
from xenproof.lab.disk_keys import host_keys_in
from xenproof.lab.host import RUN_GIB, LabHost
from xenproof.lab.machine import Wiring, command
from xenproof.lab.recipe import check_memory
from xenproof.lab.snapshot import BOOT_LIMIT_S, overlay
from xenproof.run import runs
from xenproof.run.cache import made, require_space
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.progress import Progress
from xenproof.run.waiting import wait_until

_MEMORY_MIB, _CPUS = 3072, 2
_STARTING = ("initializing", "starting")
_UNITS_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """A disk image of the user's own and the private key that logs in; `folder` is that of the run."""

    folder: Path
    disk: Path
    key: Path
    memory_mib: int = _MEMORY_MIB
    cpus: int = _CPUS

    @property
    def host_keys(self) -> Path:
        """The keys by which the host has to answer, as in a known_hosts file without the host's name."""
        return self.folder / "host_keys"

    @property
    def origin(self) -> str:
        """Where the host comes from, for the report."""
        return f"the disk image {self.disk}"


def up_disk(
    url: str, disk: Path, identity: Path | None, progress: Progress, *, backing: tuple[Path, ...] = (),
    memory_mib: int | None = None,
) -> LabHost:  # fmt: skip
    """A host that boots from `disk`, a raw or qcow2 image, ready for ssh as root with the key `identity`.

    The image has BIOS boot and gets an AHCI disk, an e1000 network card with DHCP, and a serial console.  `backing` are
    the backing files that it may have.  It ends with this process.  Raises UsageError without a key or with too little
    memory, SourceError if it is no disk image, LabError with the end of its serial console if it does not come up.
    """
    if identity is None:
        raise UsageError(f"expected the private key that logs in to {url}: --identity FILE")
    if memory_mib is not None:
        check_memory(memory_mib)
    keys = host_keys_in(disk, backing)
    accelerator = accel.choose()
    require_space(made(runs.runs_folder()), RUN_GIB, f"running the lab host {url}")
    run = runs.new_run(re.sub(r"[^A-Za-z0-9_.-]", "_", disk.name)[-100:], ProcessIdentity.of(os.getpid()))
    own = OwnDisk(run.folder, disk.absolute(), identity, memory_mib or _MEMORY_MIB)
    host = LabHost(run, own, url=url)
    try:
        with progress.phase(f"booting {url}", 60):
            _boot(host, own, accelerator)
            own.host_keys.write_text("".join(f"{key}\n" for key in keys or _keys_of(host)), "utf-8")
            _wait_for_units(host)
    except BaseException:
        host.down()
        raise
    return host


def _boot(host: LabHost, own: OwnDisk, accelerator: accel.Accelerator) -> None:
    folder = host.run.folder
    wiring = Wiring.below(folder, folder / "disk.qcow2")
    with own.disk.open("rb") as image:
        kind = "qcow2" if image.read(len(MAGIC)) == MAGIC else "raw"
    overlay(own.disk, kind, wiring.disk, folder / "qemu.log")
    # With a screen, for boot loaders that show nothing on a serial line.
    host.start(command(own, accelerator, wiring, ["-device", "VGA"]), accelerator, wiring)


def _keys_of(host: LabHost) -> list[str]:
    """The key of a host whose image holds none that it uses: nothing but this QEMU is behind its port of loopback."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while True:
        try:
            with paramiko.Transport(("127.0.0.1", host.run.port)) as transport:
                transport.start_client(timeout=60)
                key = transport.get_remote_server_key()
                return [f"{key.get_name()} {key.get_base64()}"]
        except (OSError, EOFError, paramiko.SSHException) as error:
            if time.monotonic() > deadline:
                raise LabError(
                    f"{host.url} does not answer by ssh within {BOOT_LIMIT_S:.0f} s of its start: {error}; "
                    f"{tail(host.serial)}"
                ) from error
            time.sleep(1)  # a poll with the deadline above


def _wait_for_units(host: LabHost) -> None:
    """Return when its systemd has started all units; a host without systemd, or with an old one, is taken as it is."""
    connection = host.connect(BOOT_LIMIT_S)
    try:

        def state() -> str:
            return connection.run("systemctl is-system-running 2>/dev/null", limit_s=60).text.strip()

        wait_until(state, lambda found: found not in _STARTING, _UNITS_LIMIT_S)
    finally:
        connection.close()
