"""Whether what a guest wrote and synced is safe from a power cut, and from the end of the qemu that serves its disk."""

import pytest

from xenproof.guest.actions.running_guest import RunningGuest
from xenproof.guest.features import durability
from xenproof.guest.features.durability import BLOCKS, SyncedBlocks, disk_kinds
from xenproof.suite.each import req
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.promises import Documented
from xenproof.xen.backend import DiskBackend
from xenproof.xen.qemu_disks import qemu_disks

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.same_worker("the guest with disks of all kinds"),
    pytest.mark.shares_guest,
]

ALL = SyncedBlocks(synced=BLOCKS, found=BLOCKS)
NOTHING: list[str] = []
FLUSH = "xen/include/public/io/blkif.h, BLKIF_OP_FLUSH_DISKCACHE"
OF_QEMU = [kind for kind in disk_kinds().values() if kind.backend is DiskBackend.QDISK]


@req("S16")
@pytest.mark.parametrize("disk", [name for name, kind in disk_kinds().items() if kind.format == "raw"])
def test_synced_blocks_are_on_the_medium(
    guest_with_disks: RunningGuest, documented: Documented, expect: Expect, disk: str
) -> None:
    """What a guest wrote to a disk on {disk} and synced is on dom0's own disk, where a power cut does not take it."""
    found = durability.write_and_look(guest_with_disks, disk_kinds()[disk])
    expect(documented("blocks", ALL, FLUSH), found, by="filefrag, and dd past dom0's page cache")


@req("S16")
@pytest.mark.parametrize("disk", [kind.name for kind in OF_QEMU])
def test_qemu_reads_the_disk_in_its_format(
    guest_with_disks: RunningGuest, documented: Documented, expect: Expect, disk: str
) -> None:
    """The qemu that serves a disk on {disk} says itself which file that is, and that it reads it in that format."""
    kind = disk_kinds()[disk]
    path = kind.path(guest_with_disks.guest)
    found = qemu_disks(guest_with_disks.dom0, guest_with_disks.guest.domid)
    wanted = documented("format", kind.format, "xl-disk-configuration(5), format")
    expect(wanted, found[path].format if path in found else f"none of {sorted(found)}", by="qemu's monitor, info block")


@req("S16")
def test_synced_blocks_survive_the_end_of_qemu(
    guest_with_disks: RunningGuest, documented: Documented, expect: Expect
) -> None:
    """What a guest wrote to disks of qemu and synced is in their files when qemu is killed, and nothing else stays."""
    found = durability.kill_qemu(guest_with_disks, OF_QEMU)
    expect(documented("qemu processes", 1, "libxl: one for all disks of a guest"), found.killed, by="dom0's /proc")
    for kind in OF_QEMU:
        expect(documented(kind.name, ALL, FLUSH), found.safe[kind.name], by="qemu-img convert in dom0")
    expect(documented("left", NOTHING, "xl(1), destroy"), found.left, by="xl list, xenstore-ls, ps, /sys and find")
