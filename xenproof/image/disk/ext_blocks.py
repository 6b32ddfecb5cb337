"""Where the blocks of a file in an ext file system are: by extents, or by blocks of pointers.

Read here, and not by a library, with the rules that the kernel holds a tree against: extents stand in order, inside of
what the entry above them is for, and every level is one lower.  So no block can be met twice, and what is read is
never more than what was asked for.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# The block in the file, how many, and the block in the file system, None where nothing was written.
Run = tuple[int, int, int | None]

_MAGIC, _DEEPEST = 0xF30A, 5
# Magic, entries, room for entries, depth.
_HEADER = struct.Struct("<HHHH4x")
_EXTENT = struct.Struct("<IHHI")  # block, length, high and low part of where it is
_INDEX = struct.Struct("<IIHH")  # block, low and high part of where the table is
_NOT_WRITTEN = 0x8000
_END = 1 << 32
_DIRECT, _LEVELS = 12, 3


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one file: `root` is what its inode holds, `read` gives a block of the file system."""

    root: bytes
    block_size: int
    read: Callable[[int], bytes]
    extents: bool

    def runs(self, first: int, end: int) -> Iterator[Run]:
        """Where the blocks from `first` to before `end` are, in order; what is left out was never written.

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
        """What a block of pointers that stands for the blocks from `base` on leads to; 0 leads to nothing."""
        if not level:
            yield base, 1, pointer or None
        elif pointer:
            words = struct.unpack(f"<{self.block_size // 4}I", self.read(pointer))
            span = (self.block_size // 4) ** (level - 1)
            low = max(0, (wanted[0] - base) // span)
            high = min(len(words), -((base - wanted[1]) // span))
            for at in range(low, high):
                yield from self._pointed(words[at], level - 1, base + at * span, wanted)
