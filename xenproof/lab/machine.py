"""QEMU's command line for a lab host, and the finishing boot that makes its disk bootable."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xenproof.lab.accel import QEMU, Accelerator
from xenproof.lab.shared import Shared

ADDRESS = "10.0.2.15"  # of the recipe's first card, in the private network of each QEMU
# The recipe's second card and its place on the bus, its bridge, and the address of a host alone.
NIC, NIC_PATH, BRIDGE, ALONE, PREFIX_LENGTH = "wire0", "pci-0000:00:04.0", "xenbr0", "10.0.3.15", 24
WIRE = "net1"
"""QEMU's name of the end of the wire, for its monitor."""
_SHARED_SERIAL = "xenproof-shared"
SHARED_DISK = f"/dev/disk/by-id/ata-QEMU_HARDDISK_{_SHARED_SERIAL}"
"""The path in dom0 of the disk that both hosts of a pair see; a host alone has one, too."""


class MachineSize(Protocol):
    """The size of a machine: its memory in MiB and the number of its processors."""

    @property
    def memory_mib(self) -> int:
        """The memory in MiB."""

    @property
    def cpus(self) -> int:
        """The number of processors."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The files and sockets of one QEMU: its disk, its serial log, its monitor, its pid file, what it shares.

    A host of the user's own disk shares nothing: it has neither the second network card nor the second disk.
    """

    disk: Path
    serial: Path
    monitor: Path
    pid: Path
    shared: Shared | None = None

    @staticmethod
    def below(folder: Path, disk: Path, shared: Shared | None = None) -> "Wiring":
        """The wiring of a run in `folder`."""
        return Wiring(disk, folder / "serial.log", folder / "qmp.sock", folder / "qemu.pid", shared)


def command(size: MachineSize, accelerator: Accelerator, wiring: Wiring, extra: Sequence[str] = ()) -> list[str]:
    """The command that runs a lab host from its disk, isolated from every network, in the monitor's folder.

    ssh is forwarded from a free port of loopback, which QEMU chooses.  All but 1 GiB of memory is
    above 4 GiB, where firmware and GRUB never run code: docs/decisions/0004 explains why that matters.
    QEMU has to inherit the descriptors of `wiring.shared`.
    """
    return [
        QEMU,
        "-machine", "pc,max-ram-below-4g=1G",
        *accelerator.options,
        "-m", str(size.memory_mib),
        "-smp", str(size.cpus),
        "-rtc", "base=utc",
        "-nodefaults", "-no-user-config", "-display", "none",
        "-serial", f"file:{wiring.serial}",
        # Relative to QEMU's working folder: a socket's path has at most 107 bytes.
        "-qmp", f"unix:{wiring.monitor.name},server=on,wait=off",
        "-pidfile", str(wiring.pid),
        # The disk is a temporary overlay, so its data need not be safe after a crash.
        "-drive", f"file={wiring.disk},if=none,id=disk0,cache=unsafe,format=qcow2,discard=unmap",
        "-device", "ich9-ahci,id=ahci0", "-device", "ide-hd,drive=disk0,bus=ahci0.0,bootindex=0",
        "-netdev", f"user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-{ADDRESS}:22",
        "-device", "e1000,netdev=net0",
        *(_shared_devices(wiring.shared) if wiring.shared is not None else ()),
        *extra,
    ]  # fmt: skip


def _shared_devices(shared: Shared) -> list[str]:
    """The second disk and the second network card of a lab host, whose other ends may be another host's."""
    return [
        "-drive", f"file=/proc/self/fd/{shared.disk},if=none,id=disk1,cache=unsafe,format=raw,discard=unmap",
        "-device", f"ide-hd,drive=disk1,bus=ahci0.1,share-rw=on,serial={_SHARED_SERIAL}",
        "-netdev", f"dgram,id={WIRE},local.type=fd,local.str={shared.wire}",
        "-device", f"e1000,netdev={WIRE},romfile=",
    ]  # fmt: skip


def finishing_command(accelerator: Accelerator, disk: Path, boot: Path, serial: Path) -> list[str]:
    """The command that boots the image's Linux once, without Xen, with finish.sh as its first process.

    `boot` is the unpacked /boot of the image, from which QEMU loads the kernel itself.
    """
    kernel = _only(boot, "vmlinuz-*")
    ramdisk = _only(boot, "initrd.img-*")
    arguments = "root=LABEL=dom0-root rw console=ttyS0 quiet panic=-1 init=/xenproof-finish"
    return [
        QEMU,
        # One processor: it runs one program after another, and with two a Linux 6.12 panicked once.
        "-machine", "pc", *accelerator.options, "-m", "1024", "-smp", "1",
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-serial", f"file:{serial}",
        "-drive", f"file={disk},if=none,id=disk0,cache=unsafe,format=raw,discard=unmap",
        "-device", "ich9-ahci,id=ahci0", "-device", "ide-hd,drive=disk0,bus=ahci0.0",
        "-kernel", str(kernel), "-initrd", str(ramdisk), "-append", arguments,
    ]  # fmt: skip


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise FileNotFoundError(f"expected one {pattern} in {folder}, found {[path.name for path in found]}")
    return found[0]
