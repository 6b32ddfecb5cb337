"""A guest with disks of several kinds, and whether the data that it wrote and synced is safe.

Two events can destroy data: a power cut, which leaves what is on the medium at that moment, and the end of qemu,
which serves some of the disks and is killed here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xenproof.guest.actions.running_guest import ANSWER_LIMIT_S, RunningGuest
from xenproof.guest.description import DiskDescription, GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.medium import on_medium
from xenproof.guest.image.guest_image import BLOCK
from xenproof.guest.witness import block_of, facts
from xenproof.source.connection import quoted
from xenproof.xen.backend import DiskBackend, disk_workers
from xenproof.xen.domain_control import run_xl

BLOCKS = 4
"""How many blocks are written to a disk, each synced before the next."""
_SIZE_MIB = 1
_SETTLE_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class DiskKind:
    """How a disk is served."""

    vdev: str
    backend: DiskBackend
    format: str = "raw"

    @property
    def name(self) -> str:
        """The name of the kind, which is its row in the table."""
        return f"{self.backend}, {self.format}"

    def path(self, guest: Guest) -> str:
        """The path of the disk in dom0."""
        return guest.files.path_of(self.description)

    @property
    def description(self) -> DiskDescription:
        """The disk as a part of a guest's description."""
        return DiskDescription(self.vdev, self.backend, self.format, empty_mib=_SIZE_MIB)


_KINDS = (
    DiskKind("xvdb", DiskBackend.BLKBACK),
    DiskKind("xvdc", DiskBackend.QDISK),
    DiskKind("xvdd", DiskBackend.QDISK, "qcow2"),
)


def disk_kinds() -> dict[str, DiskKind]:
    """All kinds, by name."""
    return {kind.name: kind for kind in _KINDS}


def with_disks_of_each_kind(description: GuestDescription) -> GuestDescription:
    """The same guest with an additional disk of each kind."""
    return description.with_disks(*(kind.description for kind in _KINDS))


@dataclass(frozen=True, slots=True)
class SyncedBlocks:
    """The blocks that a guest wrote: how many it reports as synced, and how many of those were found."""

    synced: int
    found: int


def write_and_look(running: RunningGuest, kind: DiskKind) -> SyncedBlocks:
    """Let the guest write and sync blocks, and compare them with the medium."""
    blocks = _write(running, kind)
    return _compared(blocks, on_medium(running.dom0, kind.path(running.guest), BLOCKS * BLOCK))


@dataclass(frozen=True, slots=True)
class AfterQemuKill:
    """What each disk holds after qemu was killed, how many were killed, and what is left in dom0 of the domain."""

    safe: Mapping[str, SyncedBlocks]
    killed: int
    left: Sequence[str]


def kill_qemu(running: RunningGuest, kinds: Sequence[DiskKind]) -> AfterQemuKill:
    """Let the guest write to disks and sync, kill their qemu, destroy the guest, and read the disks."""
    guest = running.guest
    blocks = {kind: _write(running, kind) for kind in kinds}
    pids = {pid for kind in kinds for pid in disk_workers(running.dom0, guest.domid, kind.vdev, kind.path(guest)).qemu}
    for pid in pids:
        running.dom0.run(f"kill -KILL {pid:d}")
    run_xl(running.dom0, "destroy", running.name)
    running.has_ended()
    left = guest.leftovers(_SETTLE_LIMIT_S, with_files=False)
    safe = {kind.name: _compared(blocks[kind], _content(running, kind)) for kind in kinds}
    return AfterQemuKill(safe, len(pids), [str(thing) for thing in left])


def _content(running: RunningGuest, kind: DiskKind) -> bytes:
    """The first blocks of a disk as a guest would read them; nothing may serve the disk any more."""
    path = kind.path(running.guest)
    raw = f"{path}.as-raw"
    convert = quoted("qemu-img", "convert", "-f", kind.format, "-O", "raw", path, raw)
    read = f"{convert} && head -c {BLOCKS * BLOCK} {quoted(raw)}; code=$?; rm -f -- {quoted(raw)}; exit $code"
    return running.dom0.run(read).check().stdout


def _write(running: RunningGuest, kind: DiskKind) -> dict[int, bytes]:
    """Let the guest write BLOCKS blocks; returns those that it reports as synced, by number."""
    begin, console = len(running.guest.console.text), running.guest.console
    running.say("write", kind.vdev, str(BLOCKS))

    def synced() -> list[str]:
        synced = (value for name, value in facts(console.text[begin:]) if name == "synced")
        return [number for device, _, number in (value.partition(" ") for value in synced) if device == kind.vdev]

    console.wait(lambda: len(synced()) == BLOCKS, ANSWER_LIMIT_S)
    witness = running.guest.witness
    return {
        int(number): block_of(witness.token, witness.nonce, kind.vdev, int(number))
        for number in synced() if re.fullmatch(r"[0-9]{1,9}", number)
    }  # fmt: skip


def _compared(blocks: dict[int, bytes], data: bytes) -> SyncedBlocks:
    found = [number for number, block in blocks.items() if data[number * BLOCK : (number + 1) * BLOCK] == block]
    return SyncedBlocks(len(blocks), len(found))
