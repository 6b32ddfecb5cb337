"""The cache modes that libvirt's XML can name for a disk, and whether they reach the qemu that serves it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from string import ascii_lowercase

from xenproof.errors import GuestError
from xenproof.guest.guest import Guest
from xenproof.guest.offer import gets
from xenproof.source.connection import quoted
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Disk
from xenproof.xen.qemu_disks import qemu_disks
from xenproof.xen.toolstack import Libvirt, virsh

MODES: Mapping[str, str] = {
    "none": "writeback, direct",
    "directsync": "writethrough, direct",
    "writethrough": "writethrough",
    "writeback": "writeback",
    "unsafe": "writeback, ignore flushes",
}
"""libvirt's word for each mode, and what qemu's monitor calls it: qemu(1), cache=."""
# With six of them qemu was not ready for libxl in time, on an emulated Debian 13.
_DISKS_PER_GUEST = 3


def hands_on_cache_modes(guest: Guest) -> bool:
    """Whether libvirt hands each mode on to the qemu that serves the disk; `guest` is not defined, and never runs.

    False where all disks are served in the same mode, whatever the XML has.  Raises GuestError for what is neither,
    ParseError where qemu does not say how it serves them.
    """
    modes = list(MODES)
    found: dict[str, str] = {}
    with ExitStack() as held:
        for begin in range(0, len(modes), _DISKS_PER_GUEST):
            one = guest
            if begin:
                one = guest.another()
                held.callback(one.remove)
            found |= _served(one, modes[begin : begin + _DISKS_PER_GUEST])
    if found == MODES:
        return True
    if len(set(found.values())) > 1:
        raise GuestError(f"qemu serves the modes as {found}, expected {dict(MODES)}, or all in the same way")
    return False


def _served(guest: Guest, modes: Sequence[str]) -> dict[str, str]:
    """The mode in which qemu serves a disk of libvirt's, for each of the modes that it can have."""
    disks = {
        mode: Disk(f"{guest.folder.path}/{guest.name}-{mode}.raw", f"xvd{letter}", DiskBackend.QDISK.type)
        for mode, letter in zip(modes, ascii_lowercase, strict=False)
    }
    paths = [disk.path for disk in disks.values()]
    guest.more_files += paths
    guest.dom0.run(quoted("truncate", "-s", "1M", *paths)).check()
    guest.config = replace(guest.config, disks=tuple(disks.values()))
    # The disk's file stands in the line behind that of its driver.
    words = (rf"s#\(<driver name='qemu'\)\(.*{disk.path}'\)#\1 cache='{mode}'\2#" for mode, disk in disks.items())
    guest.toolstack = Libvirt(f"/<driver name='qemu'/{{N;{';'.join(words)}}}")
    guest.define()
    if not gets(guest, *(disk.vdev for disk in disks.values())):
        said = (guest.created.problem[-300:] if guest.created else "") or "not offered"
        raise GuestError(f"{guest.name} does not get disks of the cache modes {', '.join(modes)}: {said}")
    xml = virsh(guest.dom0, "dumpxml", guest.name).check().text
    if missing := [mode for mode in modes if f"cache='{mode}'" not in xml]:
        raise GuestError(f"libvirt's XML of {guest.name} has no cache='{missing[0]}', which it was given")
    served = qemu_disks(guest.dom0, guest.domid)
    if unknown := [path for path in paths if path not in served]:
        raise GuestError(f"the qemu of {guest.name} does not name {unknown[0]}")
    return {mode: served[disk.path].cache for mode, disk in disks.items()}
