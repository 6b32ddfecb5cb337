"""What of a file stands on the medium below dom0's file system: what a power cut at this moment would leave of it.

dom0's page cache is passed by: where the blocks lie is asked of the file system, and they are read from its device
directly.  A block that the file system has not placed yet, or placed without what is to be in it, reads as zeros, as it
would after a power cut.  That the device itself keeps what it took is not seen from here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.source.connection import Connection, quoted

# Their places are places of their device; those of btrfs are not.
_PLAIN_FILESYSTEMS = ("ext2", "ext3", "ext4", "xfs")
# Places that hold nothing yet, or not what the file holds.
_NOT_THERE = frozenset({"delalloc", "unwritten", "unknown_loc", "inline", "not_aligned", "encoded"})
# Such as: "   1:      512..     600:      40000..     40088:     89:      34816: last,unwritten,eof"
_ROW = re.compile(
    r"\s*\d+:\s*(\d{1,18})\.\.\s*(\d{1,18}):\s*(\d{1,18})\.\.\s*(\d{1,18}):\s*(\d{1,18}):(?:\s*\d+:)?\s*([a-z_,]*)\s*\Z"
)
# Such as: File size of /x.raw is 1048576 (256 blocks of 4096 bytes)
_SIZE = re.compile(r"File size of .* is [0-9]{1,19} \([0-9]{1,19} blocks? of (\d{1,9}) bytes\)\Z")


@dataclass(frozen=True, slots=True)
class Extent:
    """Blocks of a file that lie one after the other on its device; counted in blocks."""

    first: int
    place: int
    count: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a file lies: the size of a block in bytes, and its extents in order."""

    block: int
    extents: Sequence[Extent]


def parse_extents(text: str) -> Placed:
    """What `filefrag -v` prints; raises ParseError where that is not its form."""
    block, extents = 0, []
    for line in text.splitlines():
        if match := _SIZE.match(line):
            block = int(match[1])
        elif match := _ROW.match(line):
            first, place, count = int(match[1]), int(match[3]), int(match[5])
            extents.append(Extent(first, place, count, frozenset(filter(None, match[6].split(",")))))
    if not 512 <= block <= 1 << 20:
        raise ParseError(f"filefrag names a block of {block} bytes in {text[:200]!r}, expected 512 to 1048576")
    return Placed(block, extents)


def on_medium(dom0: Connection, path: str, length: int) -> bytes:
    """The first `length` bytes of the file as they stand on the medium.

    Raises NotEvaluable on a file system whose places are not those of its device, ParseError for what cannot be read.
    """
    # Not the file system's own sync: what it has not placed is what a power cut takes.
    script = f"findmnt -n -o FSTYPE,SOURCE --target {quoted(path)} && filefrag -v {quoted(path)}"
    where, _, listing = dom0.run(script).check().text.partition("\n")
    kind, _, device = where.partition(" ")
    device = device.strip()
    if kind not in _PLAIN_FILESYSTEMS or not device.startswith("/dev/"):
        raise NotEvaluable(
            f"{path} is on {kind} of {device or 'no device'}: what is on the medium can be told of a block device with "
            f"{', '.join(_PLAIN_FILESYSTEMS)} only; let guest.images.path of the profile name a folder on one"
        )
    placed = parse_extents(listing)
    data = bytearray(length)
    for extent in placed.extents:
        begin = extent.first * placed.block
        if extent.flags & _NOT_THERE or begin >= length:
            continue
        count = min(extent.count, -(-(length - begin) // placed.block))
        read = f"dd if={quoted(device)} bs={placed.block} skip={extent.place} count={count} iflag=direct 2>/dev/null"
        found = dom0.run(read).check().stdout
        if len(found) != count * placed.block:
            raise ParseError(f"{device} gave {len(found)} bytes of {path}, expected {count * placed.block}")
        data[begin : begin + len(found)] = found
    return bytes(data[:length])
