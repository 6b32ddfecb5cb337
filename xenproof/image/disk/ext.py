"""ext2, ext3 and ext4: a library of Dissect reads superblock and inodes, this package directories and data."""

import stat
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO, cast

from dissect.extfs import ExtFS

from xenproof.errors import SourceError
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.dissect_node import DissectNode, FileSystem, SharedReading, reading
from xenproof.image.disk.ext_blocks import FileBlocks
from xenproof.image.disk.ext_journal import replayed
from xenproof.image.disk.signature import EXT

_SUPERBLOCK_AT, _SUPERBLOCK_BYTES = 1024, 1024
_BLOCK_SIZE_AT, _INODE_SIZE_AT = 24, 88
_LARGEST_SHIFT = 6  # blocks of 64 KiB
_NAMES_WITH_TYPES, _NOT_REPLAYED = 0x2, 0x4  # incompatible features
_EXTENTS, _INLINE = 0x80000, 0x10000000  # flags of an inode
_SHORTEST_TARGET_IN_BLOCKS = 60
_ENTRY = struct.Struct("<IHBB")  # inode, length, length of the name, type or the rest of that length
_PARENT_BYTES = 4


def open_ext(source: Bytes, where: str, shared: SharedReading) -> FileSystem:
    """The file system in `source`, with its journal replayed; raises any error of the library."""
    _check_superblock(source)
    found: Any = ExtFS(cast(BinaryIO, source))
    if int(found.sb.s_feature_incompat) & _NOT_REPLAYED:
        journal = ExtNode(found.get(int(found.sb.s_journal_inum)), EXT, f"{where}, its journal", shared)
        found = ExtFS(cast(BinaryIO, replayed(source, journal.read, where)))
    size = int(found.block_count) * int(found.block_size)
    root = ExtNode(found.root, f"ext{_generation(found)}", f"{where}:/", shared)
    return FileSystem(root.filesystem, str(found.uuid), str(found.volume_name), size, root, {})


def _check_superblock(source: Bytes) -> None:
    """Raise ValueError for sizes that no file system has, and for which a library would allocate memory."""
    source.seek(_SUPERBLOCK_AT)
    block = source.read(_SUPERBLOCK_BYTES)
    (shift,) = struct.unpack_from("<I", block, _BLOCK_SIZE_AT)
    (inode_size,) = struct.unpack_from("<H", block, _INODE_SIZE_AT)
    if shift > _LARGEST_SHIFT or not 128 <= inode_size <= 1024 << shift:
        raise ValueError(f"blocks of 1024 * 2^{shift} bytes, inodes of {inode_size}")


def _generation(found: Any) -> int:
    """2, 3 or 4, derived from the features in the same way as blkid does."""
    has_journal = int(found.sb.s_feature_compat) & 0x4
    # Features that ext3 lacks: extents, 64 bit, flexible groups; huge files, checksums, ...
    newer = int(found.sb.s_feature_incompat) & ~0x16 or int(found.sb.s_feature_ro_compat) & ~0x7
    return 4 if newer else 3 if has_journal else 2


class ExtNode(DissectNode):
    """A file in an ext2, ext3 or ext4."""

    no_cow = False

    @property
    def volume(self) -> str:
        """The file system."""
        return str(self.inode.extfs.uuid)

    @cached_property
    def mode(self) -> int:
        """Type and permissions."""
        with reading(self.where):
            return int(self.inode.inode.i_mode)

    @cached_property
    def uid(self) -> int:
        """The number of its owner."""
        with reading(self.where):
            return int(self.inode.inode.i_uid) | int(self.inode.inode.i_uid_high) << 16

    @cached_property
    def gid(self) -> int:
        """The number of its group."""
        with reading(self.where):
            return int(self.inode.inode.i_gid) | int(self.inode.inode.i_gid_high) << 16

    def _target(self) -> str:
        return self._bytes(0, self.size).decode("utf-8", "surrogateescape")

    def _bytes(self, start: int, length: int) -> bytes:
        inode, size = self.inode.inode, int(self.inode.extfs.block_size)
        root, flags = bytes(inode.i_block), int(inode.i_flags)
        short_link = stat.S_ISLNK(self.mode) and self.size < _SHORTEST_TARGET_IN_BLOCKS
        if flags & _INLINE or short_link:
            return root[start : start + length]
        blocks = FileBlocks(root, size, self._block, bool(flags & _EXTENTS))
        data = bytearray(length)
        for block, count, place in blocks.runs(start // size, -(-(start + length) // size)):
            low, high = max(block * size, start), min((block + count) * size, start + length)
            if place is not None and low < high:
                source = self.inode.extfs.fh
                source.seek(place * size + low - block * size)
                data[low - start : high - start] = source.read(high - low)
        return bytes(data)

    def _block(self, number: int) -> bytes:
        source, size = self.inode.extfs.fh, int(self.inode.extfs.block_size)
        source.seek(number * size)
        return bytes(source.read(size))

    def _inode(self, entry: Any) -> Any:
        return self.inode.extfs.get_inode(entry)

    def _entries(self) -> Iterator[tuple[str, int]]:
        if not stat.S_ISDIR(self.mode):
            raise NotADirectoryError(self.where)
        with_types = int(self.inode.extfs.sb.s_feature_incompat) & _NAMES_WITH_TYPES
        step = int(self.inode.extfs.block_size)
        data = self.read(0, self.size)
        pieces = (data[at : at + step] for at in range(0, len(data), step))
        if int(self.inode.inode.i_flags) & _INLINE:
            pieces = (data[at:] for at in (_PARENT_BYTES,))
        for piece in pieces:
            yield from self._entries_in(piece, typed=bool(with_types))

    def _entries_in(self, block: bytes, *, typed: bool) -> Iterator[tuple[str, int]]:
        """The names in one block; no entry crosses the end of a block."""
        at, most = 0, int(self.inode.extfs.sb.s_inodes_count)
        while at < len(block):
            number, length, name_length, high = _ENTRY.unpack_from(block, at)
            name_length |= 0 if typed else high << 8
            end = at + (length or 1 << 16)  # of a block of 64 KiB
            if end > len(block) or end < at + _ENTRY.size + (name_length if number else 0) or number > most:
                raise SourceError(
                    f"{self.where} is damaged: an entry of {length} bytes for inode {number}, "
                    f"with a name of {name_length}"
                )
            if number:
                name = block[at + _ENTRY.size : at + _ENTRY.size + name_length]
                yield name.decode("utf-8", "surrogateescape"), number
            at = end
