"""XFS, as a library of Dissect reads it, with limits where the library could loop for ever."""

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO, cast

from dissect.xfs import XFS as Xfs

from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.dissect_node import DissectNode, FileSystem, SharedReading, reading
from xenproof.image.disk.signature import XFS

_BLOCK_SIZE_AT, _SECTOR_SIZE_AT = 4, 102  # the inode size follows the sector size
_SIZES = [1 << shift for shift in range(9, 17)]
_INODE_SIZES = (256, 512, 1024, 2048)
# The limit of cached pieces of files, each about 130 bytes.
_MOST_PIECES = 200_000


def open_xfs(source: Bytes, where: str, shared: SharedReading) -> FileSystem:
    """The file system in `source`; raises any error of the library."""
    _check_superblock(source)
    found: Any = Xfs(cast(BinaryIO, source))
    size = int(found.sb.sb_dblocks) * int(found.block_size)
    root = XfsNode(found.root, XFS, f"{where}:/", shared)
    return FileSystem(XFS, str(found.uuid), str(found.name), size, root, {})


def _check_superblock(source: Bytes) -> None:
    """Raise ValueError for sizes that no file system has, and for which a library would allocate memory."""
    source.seek(0)
    block = source.read(512)
    (block_size,) = struct.unpack_from(">I", block, _BLOCK_SIZE_AT)
    sector_size, inode_size = struct.unpack_from(">HH", block, _SECTOR_SIZE_AT)
    if block_size not in _SIZES or sector_size not in _SIZES or inode_size not in _INODE_SIZES:
        raise ValueError(f"blocks of {block_size} bytes, sectors of {sector_size}, inodes of {inode_size}")


class XfsNode(DissectNode):
    """A file in an XFS."""

    no_cow = False

    @property
    def volume(self) -> str:
        """The file system."""
        return str(self.inode.xfs.uuid)

    @cached_property
    def mode(self) -> int:
        """Type and permissions."""
        with reading(self.where):
            return int(self.inode.inode.di_mode)

    @cached_property
    def uid(self) -> int:
        """The number of its owner."""
        with reading(self.where):
            return int(self.inode.inode.di_uid)

    @cached_property
    def gid(self) -> int:
        """The number of its group."""
        with reading(self.where):
            return int(self.inode.inode.di_gid)

    def _target(self) -> str:
        self._count_pieces()
        return super()._target()

    def _bytes(self, start: int, length: int) -> bytes:
        self._count_pieces()
        return super()._bytes(start, length)

    def _count_pieces(self) -> None:
        """Raise SourceError if the file has more pieces than are cached: a hostile table may refer to itself."""
        if "dataruns" in self.inode.__dict__:
            return
        for _ in self.inode._iter_blocks():
            self.shared.budget.take("pieces of files", 1, _MOST_PIECES)

    def _entries(self) -> Iterator[tuple[str, int]]:
        self._count_pieces()
        for inode in self.inode.iterdir():
            self.shared.budget.check()
            yield str(inode.filename), int(inode.inum)

    def _inode(self, entry: Any) -> Any:
        return self.inode.xfs.get_inode(entry)
