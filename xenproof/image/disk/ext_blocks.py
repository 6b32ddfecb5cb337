"""The places of a file's blocks in an ext file system: by extents, or by blocks of pointers.

Read here without a library, with the checks that the kernel makes: extents are in order and inside the
range of the entry above them, and each level is one lower.  So no block is visited twice, and no more is
read than was requested.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# The first block in the file, the number of blocks, and the first block in the file system (None if never written).
Run = tuple[int, int, int | None]

_MAGIC, _DEEPEST = 0xF30A, 5
# Magic, entries, capacity in entries, depth.
_HEADER = struct.Struct("<HHHH4x")
_EXTENT = struct.Struct("<IHHI")  # block, length, high and low part of the place
_INDEX = struct.Struct("<IIHH")  # block, low and high part of the place of the table
_NOT_WRITTEN = 0x8000
_END = 1 << 32
_DIRECT, _LEVELS = 12, 3


@dataclass(frozen=True, slots=True)
class FileBlocks:
    """The blocks of one file: `root` is the data in its inode, `read` returns a block of the file system."""

    root: bytes
    block_size: int
    read: Callable[[int], bytes]
    extents: bool

    def runs(self, first: int, end: int) -> Iterator[Run]:
        """The places of the blocks from `first` to before `end`, in order; omitted blocks were never written.

        Raises ValueError if the tree is damaged.
        """
        return self._extents(self.root, None, (0, _END), (first, end)) if self.extents else self._pointers(first, end)

    def _extents(
        self, node: bytes, depth: int | None, inside: tuple[int, int], wanted: tuple[int, int]
    ) -> Iterator[Run]:
        magic, count, _, level = _HEADER.unpack_from(node)
        most = (len(node) - _HEADER.size) // _EXTENT.size
        if magic != _MAGIC or count > most or level > _DEEPEST or depth not in (None, level):
            raise ValueError(f"a table of extents with {magic=:#x}, {count} entries, {level=}, expected level {depth}")
        rows = node[_HEADER.size : _HEADER.size + count * _EXTENT.size]
        return self._indexes(rows, level, inside, wanted) if level else self._leaves(rows, inside, wanted)

    def _leaves(self, rows: bytes, inside: tuple[int, int], wanted: tuple[int, int]) -> Iterator[Run]:
        at, end = inside
        for block, length, high, low in _EXTENT.iter_unpack(rows):
            count = length - _NOT_WRITTEN if length > _NOT_WRITTEN else length
            if not at <= block < block + count <= end:
                raise ValueError(f"an extent of {count} blocks at block {block}, expected it from {at} to {end}")
            at = block + count
            if block < wanted[1] and at > wanted[0]:
                yield block, count, None if length > _NOT_WRITTEN else high << 32 | low

    def _indexes(self, rows: bytes, level: int, inside: tuple[int, int], wanted: tuple[int, int]) -> Iterator[Run]:
        found = list(_INDEX.iter_unpack(rows))
        starts = [row[0] for row in found]
        if any(low >= high for low, high in zip([inside[0] - 1, *starts], [*starts, inside[1]], strict=True)):
            raise ValueError("a table of extents whose entries are not in order")
        for (start, low, high, _), after in zip(found, [*starts[1:], inside[1]], strict=True):
            if start < wanted[1] and after > wanted[0]:
                yield from self._extents(self.read(high << 32 | low), level - 1, (start, after), wanted)

    def _pointers(self, first: int, end: int) -> Iterator[Run]:
        words = struct.unpack(f"<{_DIRECT + _LEVELS}I", self.root)
        for at in range(first, min(end, _DIRECT)):
            yield at, 1, words[at] or None
        base = _DIRECT
        for level in range(1, _LEVELS + 1):
            span = (self.block_size // 4) ** level
            if base < end and base + span > first:
                yield from self._pointed(words[_DIRECT + level - 1], level, base, (first, end))
            base += span

    def _pointed(self, pointer: int, level: int, base: int, wanted: tuple[int, int]) -> Iterator[Run]:
        """The places of the blocks below a block of pointers that begins at block `base`; pointer 0 has no blocks."""
        if not level:
            yield base, 1, pointer or None
        elif pointer:
            words = struct.unpack(f"<{self.block_size // 4}I", self.read(pointer))
            span = (self.block_size // 4) ** (level - 1)
            low = max(0, (wanted[0] - base) // span)
            high = min(len(words), -((base - wanted[1]) // span))
            for at in range(low, high):
                yield from self._pointed(words[at], level - 1, base + at * span, wanted)
