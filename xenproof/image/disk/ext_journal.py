"""The journal of an ext file system that was not shut down, replayed in memory.

The blocks in its committed transactions replace those of the file system when they are read, as the kernel
would write them when mounting; the image itself is not changed.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from xenproof.errors import SourceError
from xenproof.image.budget import Budget
from xenproof.image.disk.disk_bytes import Bytes

_MAGIC = 0xC03B3998
_DESCRIPTOR, _COMMIT, _REVOKE = 1, 2, 5
_SUPERBLOCKS = (3, 4)
# Incompatible features.
_64BIT, _CSUM_V2, _CSUM_V3, _KNOWN = 0x02, 0x08, 0x10, 0x1F
_ESCAPED, _SAME_UUID, _LAST = 1, 2, 8
_HEADER = struct.Struct(">III")
# Block size, blocks, first block of the log, first sequence, first block in use (0 if nothing has to be replayed).
_SUPERBLOCK = struct.Struct(">12xIIIII4xII")
_TAG = struct.Struct(">IHH")
_TAG_V3 = struct.Struct(">IIII")
_UUID_BYTES, _TAIL_BYTES = 16, 4
# The limit of replaced or revoked blocks in all journals of an image; each takes about 200 bytes of memory.
_MOST_BLOCKS = 300_000
_WHAT = "blocks in journals that were not replayed"

Reader = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class _Log:
    """The place of the log in the journal, and the form of its blocks."""

    read: Reader
    block_size: int
    first: int
    end: int
    start: int
    sequence: int
    features: int

    def block(self, number: int) -> bytes:
        return self.read(number * self.block_size, self.block_size)

    def after(self, number: int, count: int = 1) -> int:
        """The block `count` after another one; the log is a ring."""
        number += count
        return number - (self.end - self.first) if number >= self.end else number


@dataclass(frozen=True, slots=True)
class _Tag:
    """One block that a transaction wrote: its target, and its place in the journal."""

    sequence: int
    target: int
    place: int
    escaped: bool


class Replayed(Bytes):
    """The bytes of a file system with its journal applied."""

    def __init__(self, source: Bytes, log: _Log, places: dict[int, _Tag]) -> None:
        super().__init__(cast(BinaryIO, source), source.size, source.what, whole=True)
        self._log = log
        self._places = places

    def read(self, length: int = -1, /) -> bytes:
        """`length` bytes from the position on."""
        begin = self._at
        data = bytearray(super().read(length))
        size = self._log.block_size
        for block in range(begin // size, -(-(begin + len(data)) // size)):
            if (tag := self._places.get(block)) is not None:
                newer = self._log.block(tag.place)
                if tag.escaped:
                    newer = struct.pack(">I", _MAGIC) + newer[4:]
                at = block * size - begin
                # The read may begin or end inside of the block.
                low, high = max(at, 0), min(at + size, len(data))
                data[low:high] = newer[low - at : high - at]
        return bytes(data)


def replayed(source: Bytes, read: Reader, where: str) -> Bytes:
    """`source` with the transactions of the journal that `read` reads; raises SourceError if the replay fails."""
    log = _log(read, where)
    if not log.start:
        return source
    tags, revoked = _committed(log, source.budget)
    places = {tag.target: tag for tag in tags if tag.sequence > revoked.get(tag.target, -1)}
    return Replayed(source, log, places)


def _log(read: Reader, where: str) -> _Log:
    head = read(0, 1024)
    magic, kind, _ = _HEADER.unpack_from(head)
    if magic != _MAGIC or kind not in _SUPERBLOCKS:
        raise SourceError(f"the journal in {where} does not begin as one, so what it holds cannot be read")
    block_size, blocks, first, sequence, start, _, features = _SUPERBLOCK.unpack_from(head)
    if features & ~_KNOWN:
        raise SourceError(
            f"the file system in {where} was not shut down, and its journal has features that are not read "
            f"({features & ~_KNOWN:#x}): shut its system down, or run `e2fsck -p` on a copy"
        )
    if block_size not in (1024, 2048, 4096, 8192, 16384, 32768, 65536) or not 0 < first < blocks or start >= blocks:
        raise SourceError(f"the journal in {where} is damaged: {block_size=}, {blocks=}, {first=}, {start=}")
    return _Log(read, block_size, first, blocks, start, sequence, features)


def _committed(log: _Log, budget: Budget) -> tuple[list[_Tag], dict[int, int]]:
    """The blocks of all committed transactions, oldest first, and for each revoked block the last sequence."""
    tags: list[_Tag] = []
    revoked: dict[int, int] = {}
    of_this: list[_Tag] = []
    revoked_by_this: list[int] = []
    sequence, at = log.sequence, log.start
    # A full log has no more blocks than this; the limit ends the loop over a damaged one.
    left = log.end - log.first
    while left > 0:
        block = log.block(at)
        magic, kind, number = _HEADER.unpack_from(block)
        if magic != _MAGIC or number != sequence:
            break
        if kind == _DESCRIPTOR:
            found = list(_tags(log, block, at, sequence))
            budget.take(_WHAT, len(found), _MOST_BLOCKS)
            of_this += found
            at = log.after(at, 1 + len(found))
            left -= 1 + len(found)
            continue
        if kind == _REVOKE:
            numbers = _revoked(log, block)
            budget.take(_WHAT, len(numbers), _MOST_BLOCKS)
            revoked_by_this += numbers
        elif kind == _COMMIT:
            tags += of_this
            revoked |= dict.fromkeys(revoked_by_this, sequence)
            of_this, revoked_by_this = [], []
            sequence += 1
        else:
            break
        at = log.after(at)
        left -= 1
    return tags, revoked


def _tags(log: _Log, block: bytes, at: int, sequence: int) -> Iterator[_Tag]:
    end = log.block_size - (_TAIL_BYTES if log.features & (_CSUM_V2 | _CSUM_V3) else 0)
    place, offset = at, _HEADER.size
    while True:
        target, flags, size = _tag(log, block, offset)
        if offset + size > end:
            return
        place = log.after(place)
        yield _Tag(sequence, target, place, bool(flags & _ESCAPED))
        if flags & _LAST:
            return
        offset += size + (0 if flags & _SAME_UUID else _UUID_BYTES)


def _tag(log: _Log, block: bytes, offset: int) -> tuple[int, int, int]:
    """The target, the flags and the length of the tag at `offset`."""
    padded = block[offset : offset + _TAG_V3.size].ljust(_TAG_V3.size, b"\0")
    if log.features & _CSUM_V3:
        low, flags, high, _ = _TAG_V3.unpack(padded)
        return low | high << 32, flags, _TAG_V3.size
    low, _, flags = _TAG.unpack_from(padded)
    size = _TAG.size + (2 if log.features & _CSUM_V2 else 0)
    if not log.features & _64BIT:
        return low, flags, size
    return low | struct.unpack_from(">I", padded, _TAG.size)[0] << 32, flags, size + 4


def _revoked(log: _Log, block: bytes) -> list[int]:
    used = min(struct.unpack_from(">I", block, _HEADER.size)[0], log.block_size)
    form = ">Q" if log.features & _64BIT else ">I"
    begin = _HEADER.size + 4
    whole = (used - begin) // struct.calcsize(form) * struct.calcsize(form)
    return [number for (number,) in struct.iter_unpack(form, block[begin : begin + max(0, whole)])]
