"""Reads a file from the medium below dom0's file system: what a power cut at this moment would leave of it.

dom0's page cache is bypassed: the file system lists where the blocks are, and they are read from its device directly.
A block that is not allocated yet, or allocated and not written, reads as zeros, as it would after a power cut.  Whether
the device itself keeps what was written to it cannot be checked here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.source.connection import Connection, quoted

# Their block numbers are those of their device; those of btrfs are not.
_PLAIN_FILESYSTEMS = ("ext2", "ext3", "ext4", "xfs")
# Flags of extents without content, or with other content than the file's.
_NOT_THERE = frozenset({"delalloc", "unwritten", "unknown_loc", "inline", "not_aligned", "encoded"})
# Such as: "   1:      512..     600:      40000..     40088:     89:      34816: last,unwritten,eof"
_ROW = re.compile(
    r"\s*\d+:\s*(\d{1,18})\.\.\s*(\d{1,18}):\s*(\d{1,18})\.\.\s*(\d{1,18}):\s*(\d{1,18}):(?:\s*\d+:)?\s*([a-z_,]*)\s*\Z"
)
# Such as: File size of /x.raw is 1048576 (256 blocks of 4096 bytes)
_SIZE = re.compile(r"File size of .* is [0-9]{1,19} \([0-9]{1,19} blocks? of (\d{1,9}) bytes\)\Z")


@dataclass(frozen=True, slots=True)
class Extent:
    """Consecutive blocks of a file on its device: the first in the file, its place on the device, and their count."""

    first: int
    place: int
    count: int
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a file is on its device: the size of a block in bytes, and the extents in order."""

    block: int
    extents: Sequence[Extent]


def parse_extents(text: str) -> Placed:
    """The extents in the output of `filefrag -v`; raises ParseError for another shape."""
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
    """The first `length` bytes of the file as they are on the medium.

    Raises NotEvaluable on a file system whose block numbers are not those of its device, ParseError for what cannot be
    read.
    """
    # filefrag without -s, its sync: what is not written yet must stay so, as a power cut would lose it.
    script = f"findmnt -n -o FSTYPE,SOURCE --target {quoted(path)} && filefrag -v {quoted(path)}"
    where, _, listing = dom0.run(script).check().text.partition("\n")
    kind, _, device = where.partition(" ")
    device = device.strip()
    if kind not in _PLAIN_FILESYSTEMS or not device.startswith("/dev/"):
        raise NotEvaluable(
            f"{path} is on {kind} of {device or 'no device'}: what is on the medium can be read of a block device with "
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
