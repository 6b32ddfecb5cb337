"""The cache modes that libvirt's XML can name for a disk, and whether they reach the qemu that serves it."""

from collections.abc import Mapping
from dataclasses import replace
from string import ascii_lowercase

from xenproof.errors import GuestError
from xenproof.guest.description import DiskDescription, GuestDescription
from xenproof.guest.features.offered import gets
from xenproof.guest.guest import Guest
from xenproof.guest.maker import GuestMaker
from xenproof.plain import first_lines
from xenproof.xen.backend import DiskBackend
from xenproof.xen.qemu_disks import qemu_disks
from xenproof.xen.toolstack import Libvirt, virsh

MODES: Mapping[str, str] = {
    "none": "writeback, direct",
    "directsync": "writethrough, direct",
    "writethrough": "writethrough",
    "writeback": "writeback",
    "unsafe": "writeback, ignore flushes",
}
"""libvirt's name of each mode, and its name in qemu's monitor: qemu(1), cache=."""
# With six disks, qemu was not ready for libxl in time, on an emulated Debian 13.
_DISKS_PER_GUEST = 3


def hands_on_cache_modes(description: GuestDescription, make: GuestMaker) -> bool:
    """Whether libvirt passes each mode on to the qemu that serves the disk; the guests for it never run.

    The guests are made from `description` with other disks.  False where all disks are served in the same mode,
    whatever the XML says.  Raises GuestError for any other result, ParseError where qemu's monitor names no disk.
    """
    modes = list(MODES)
    found: dict[str, str] = {}
    for begin in range(0, len(modes), _DISKS_PER_GUEST):
        vdevs = (f"xvd{letter}" for letter in ascii_lowercase)
        some = dict(zip(vdevs, modes[begin : begin + _DISKS_PER_GUEST], strict=False))
        disks = tuple(DiskDescription(vdev, DiskBackend.QDISK, empty_mib=1) for vdev in some)
        found |= _served(make(replace(description, disks=disks, toolstack=Libvirt(some))), some)
    if found == MODES:
        return True
    if len(set(found.values())) > 1:
        raise GuestError(f"qemu serves the modes as {found}, expected {dict(MODES)}, or all in the same way")
    return False


def _served(guest: Guest, modes: Mapping[str, str]) -> dict[str, str]:
    """The mode in which qemu serves each disk, by libvirt's mode; `modes` are libvirt's modes by vdev."""
    guest.define()
    paths = {disk.vdev: guest.files.path_of(disk) for disk in guest.description.all_disks}
    if not gets(guest, *modes):
        problem = (first_lines(guest.created.problem, 300) if guest.created else "") or "not offered"
        raise GuestError(f"{guest.name} does not get disks of the cache modes {', '.join(modes.values())}: {problem}")
    xml = virsh(guest.dom0, "dumpxml", guest.name).check().text
    if missing := [mode for mode in modes.values() if f"cache='{mode}'" not in xml]:
        raise GuestError(f"libvirt's XML of {guest.name} has no cache='{missing[0]}', which it was given")
    served = qemu_disks(guest.dom0, guest.domid)
    if unknown := [path for path in paths.values() if path not in served]:
        raise GuestError(f"the qemu of {guest.name} does not name {unknown[0]}")
    return {mode: served[paths[vdev]].cache for vdev, mode in modes.items()}
