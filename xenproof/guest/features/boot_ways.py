"""The ways to start a guest: by GRUB's own image for Xen, by pygrub, from a kernel of dom0; as PV, PVH and HVM.

The same guest is started in each way, so any difference is caused by the way.  The expected result of each way is a
fact of the toolstack and of GRUB, the same on all releases that have the way.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from xenproof.errors import CommandFailed, GuestError
from xenproof.guest.actions.running_guest import BOOT_LIMIT_S
from xenproof.guest.boot_progress import READY, BootProgress
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.working_folder import WorkingFolder
from xenproof.guest.image.guest_image import COMMAND_LINE, LOADER, LOADER_MARK, GuestImage
from xenproof.guest.image.packed_kernel import Packing
from xenproof.plain import first_lines
from xenproof.source.connection import Connection, quoted
from xenproof.xen.backend import DiskBackend
from xenproof.xen.domain_control import CreatedDomain
from xenproof.xlcfg.config import Setting, Start

# GRUB's message where it finds no menu, and waits for input.
_PROMPT = "Minimal BASH-like line editing"
_LOG = re.compile(r"consult logfile (/var/log/xen/bootloader\.\d+\.log)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOG_BYTES = 4096
# What grub-install does, for a disk that is a file: boot.img loads the rest from the sectors behind it.  Only its first
# 440 bytes are written, as the partition table follows.
_INSTALL = """
set -e
trap 'rm -f {core}' EXIT
for make in grub2-mkimage grub-mkimage; do ! command -v "$make" >/dev/null || break; done
"$make" -O i386-pc -d {modules} -o {core} -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 normal linux echo
[ "$(stat -c %s {core})" -lt 1048064 ]
dd if={modules}/boot.img of={disk} bs=440 count=1 conv=notrunc 2>/dev/null
dd if={core} of={disk} bs=512 seek=1 conv=notrunc,fsync 2>/dev/null
"""


class StartedBy(StrEnum):
    """What starts the guest's kernel."""

    GRUB_XEN = "grub.xen"
    PYGRUB = "pygrub"
    DOM0 = "a kernel of dom0"
    PVH_DOM0 = "a kernel of dom0, as PVH"
    PVH_GRUB = "GRUB for PVH"
    HVM_GRUB = "GRUB for a PC, from its disk"


@dataclass(frozen=True, slots=True)
class BootWay:
    """One way: what starts the guest, its root's file system, the expected result, its source, its disk's format."""

    by: StartedBy
    filesystem: str
    expected: str
    source: str
    format: str = "raw"

    @property
    def name(self) -> str:
        """The name of the way, which is its row in the table."""
        return f"{self.by}, {self.filesystem}" + (f" in {self.format}" if self.format != "raw" else "")

    @property
    def packing(self) -> Packing | None:
        """The packing of the guest's kernel: its own where the kernel unpacks itself, otherwise the default (None)."""
        return Packing.OWN if self.by in (StartedBy.HVM_GRUB, StartedBy.PVH_GRUB) else None

    @property
    def backend(self) -> DiskBackend:
        """What serves the guest's disk: blkback, or qemu where only qemu can read the format."""
        return DiskBackend.BLKBACK if self.format == "raw" else DiskBackend.QDISK


def _started_by(mark: str) -> str:
    return f"{READY}, started by {mark}"


_REFUSED = "no domain, and in pygrub's log: "
_NO_PARTITION = f"{_REFUSED}Unable to find partition containing kernel"
_GRUB_SOURCE = "GRUB's manual: grub_platform and grub_cpu; grub-core/osdep and fs of GRUB 2.02 and later"
_FSIMAGE = "tools/libfsimage of Xen: ext2fs, fat, iso9660, reiserfs, ufs, xfs before version 5, zfs"

# Without grub.xen from ext4, raw: the guests of all other checks start that way.
_WAYS = (
    BootWay(StartedBy.GRUB_XEN, "btrfs", _started_by(LOADER), _GRUB_SOURCE),
    BootWay(StartedBy.GRUB_XEN, "ext4", _started_by(LOADER), _GRUB_SOURCE, "qcow2"),
    BootWay(StartedBy.GRUB_XEN, "xfs", _started_by(LOADER), _GRUB_SOURCE),
    # pygrub reads the menu but is no GRUB: it passes on variables unexpanded.
    BootWay(StartedBy.PYGRUB, "ext4", _started_by("$grub_platform-$grub_cpu"), "tools/pygrub/src/GrubConf.py of Xen"),
    BootWay(StartedBy.PYGRUB, "btrfs", _NO_PARTITION, _FSIMAGE),
    BootWay(StartedBy.PYGRUB, "xfs", _NO_PARTITION, _FSIMAGE),
    BootWay(StartedBy.DOM0, "ext4", _started_by("dom0"), "xl.cfg(5), kernel"),
    BootWay(StartedBy.PVH_DOM0, "ext4", _started_by("dom0"), "xl.cfg(5), type"),
    BootWay(StartedBy.PVH_GRUB, "ext4", _started_by("xen_pvh-i386"), _GRUB_SOURCE),
    BootWay(StartedBy.HVM_GRUB, "ext4", _started_by("pc-i386"), _GRUB_SOURCE),
)


def boot_ways() -> dict[str, BootWay]:
    """All ways, by name."""
    return {way.name: way for way in _WAYS}


def described(
    way: BootWay, image: GuestImage, folder: WorkingFolder, *, grub_xen: str, grub_pvh: str
) -> GuestDescription:
    """The guest of `image` started in this way; files that it needs in dom0 are copied there."""
    begun = start(way, image, folder, grub_xen=grub_xen, grub_pvh=grub_pvh)
    # From an IDE disk, firmware reads two bytes at a time; an xl before 4.7 ignores the key.
    more: dict[str, Setting] = {"hdtype": "ahci"} if way.by is StartedBy.HVM_GRUB else {}
    return GuestDescription(image, way.backend, begun, started_by=way.by, format=way.format, more=more)


def start(way: BootWay, image: GuestImage, folder: WorkingFolder, *, grub_xen: str, grub_pvh: str) -> Start:
    """The `Start` of a guest of `image` in this way; files that it needs in dom0 are copied there."""
    match way.by:
        case StartedBy.GRUB_XEN:
            return Start(grub_xen)
        case StartedBy.PYGRUB:
            return Start(bootloader="pygrub")
        case StartedBy.PVH_GRUB:
            return Start(grub_pvh, type="pvh")
        case StartedBy.HVM_GRUB:
            return Start(firmware=True)
        case StartedBy.DOM0 | StartedBy.PVH_DOM0:
            return dom0_kernel(image, folder, way.filesystem, type="pvh" if way.by is StartedBy.PVH_DOM0 else "")


def dom0_kernel(image: GuestImage, folder: WorkingFolder, filesystem: str, *, type: str = "") -> Start:
    """The `Start` with the kernel of `image` as a file in dom0, which is copied there."""
    line = f"{COMMAND_LINE.format(root=filesystem)} {LOADER_MARK}dom0"
    return Start(folder.cut(image, image.kernel), folder.cut(image, image.ramdisk), line, type=type)


def install_grub(guest: Guest, modules: str) -> None:
    """Write GRUB to the disk of a defined guest, so that firmware boots it; `modules` is GRUB's folder in dom0.

    Raises CommandFailed where dom0 cannot make GRUB's image.
    """
    core = f"{guest.disk}.core"
    words = {"core": quoted(core), "disk": quoted(guest.disk), "modules": quoted(modules)}
    done = guest.dom0.run(_INSTALL.format(**words), limit_s=120)
    if done.exit_code:
        raise CommandFailed(f"{guest.name} gets no GRUB on its disk: {first_lines(done.error_text, 300)}")


def finds_its_menu(guest: Guest) -> bool:
    """Whether GRUB boots a guest from its disk; False where GRUB finds no menu there.

    Raises GuestError where the boot fails for another reason.
    """
    boot = guest.boot(BOOT_LIMIT_S, unless=lambda text: _PROMPT in text)
    if boot.reached != READY and _PROMPT not in guest.console.text:
        raise GuestError(f"{guest.name} did not boot: {boot.reached}")
    return boot.reached == READY


def how_far(guest: Guest, boot: BootProgress) -> str:
    """How far a guest booted, in the words of `BootWay.expected`; pygrub's log is read where it failed, and removed."""
    if guest.created is None:
        return boot.reached
    return _how_far(guest.dom0, guest.created, boot)


def _how_far(dom0: Connection, created: CreatedDomain, boot: BootProgress) -> str:
    named = _LOG.search(created.problem)
    path = quoted(named[1] if named else f"/var/log/xen/bootloader.{created.domid}.log")
    log = dom0.run(f"tail -c {_LOG_BYTES} {path} 2>/dev/null; rm -f {path}").text
    if boot.witness is not None:
        return _started_by(boot.witness.cmdline.rpartition(LOADER_MARK)[2])
    if named is None:
        return boot.reached
    # The last line of Python's traceback: "RuntimeError: Unable to find partition containing kernel".  pygrub runs in a
    # terminal, so Python 3.13 prints in colours.
    return _REFUSED + _COLOUR.sub("", log).rstrip().rpartition("\n")[2].rpartition("Error: ")[2]
