"""btrfs on one device, as a library of Dissect reads it, with limits where the library could loop for ever."""

import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, BinaryIO, cast

from xenproof.errors import SourceError
from xenproof.image.disk.btrfs_bounds import BoundedBtrfs
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.dissect_node import DissectNode, FileSystem, SharedReading, reading
from xenproof.image.disk.signature import BTRFS
from xenproof.image.node import Node

_SIZES_AT = 0x10000 + 144
_SIZES = [1 << shift for shift in range(9, 17)]
_NO_COW = 0x2  # in the flags of an inode


def open_btrfs(source: Bytes, where: str, shared: SharedReading) -> FileSystem:
    """The file system in `source`; raises any error of the library."""
    _check_superblock(source)
    found = BoundedBtrfs(cast(BinaryIO, source))
    if int(found.sb.num_devices) != 1:
        raise SourceError(f"the btrfs in {where} is spread over {found.sb.num_devices} devices, of which this is one")
    if int(found.sb.log_root):
        raise SourceError(
            f"the btrfs in {where} was not shut down: what its log still holds may be newer than its files; "
            "shut its system down, or mount a copy once"
        )
    subvolumes = _Subvolumes(found, where, shared)
    root = BtrfsNode(found.root, BTRFS, f"{where}:/", shared)
    # The superblock's number is that of the only device.
    return FileSystem(BTRFS, str(found.uuid), str(found.label), int(found.sb.total_bytes), root, subvolumes)


def _check_superblock(source: Bytes) -> None:
    """Raise ValueError for sizes that no file system has, and for which a library would allocate memory."""
    source.seek(_SIZES_AT)
    sector_size, node_size = struct.unpack("<II", source.read(8))
    if sector_size not in _SIZES or node_size not in _SIZES:
        raise ValueError(f"sectors of {sector_size} bytes, nodes of {node_size}")


class _Subvolumes(Mapping[str, Node]):
    """The root directories of subvolumes by their paths; each is created on demand."""

    def __init__(self, found: BoundedBtrfs, where: str, shared: SharedReading) -> None:
        self._found, self._where, self._shared = found, where, shared
        self._numbers = found.subvolume_paths()

    def __getitem__(self, path: str) -> Node:
        number, where = self._numbers[path], f"{self._where}:/{path}"
        with reading(where):
            return BtrfsNode(self._found.open_subvolume(number).root, BTRFS, where, self._shared)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class BtrfsNode(DissectNode):
    """A file in a subvolume of a btrfs."""

    @property
    def volume(self) -> str:
        """The subvolume."""
        return f"{self.inode.btrfs.uuid}:{self.inode.subvolume.objectid}"

    @cached_property
    def no_cow(self) -> bool:
        """Whether new data are written in place."""
        with reading(self.where):
            return bool(int(self.inode.inode.flags) & _NO_COW)

    @cached_property
    def mode(self) -> int:
        """Type and permissions."""
        with reading(self.where):
            return int(self.inode.mode)

    @cached_property
    def uid(self) -> int:
        """The number of its owner."""
        with reading(self.where):
            return int(self.inode.uid)

    @cached_property
    def gid(self) -> int:
        """The number of its group."""
        with reading(self.where):
            return int(self.inode.gid)

    def _entries(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for name, inode in self.inode.iterdir():
            yield str(name), (int(inode.subvolume.objectid), int(inode.inum))

    def _inode(self, entry: Any) -> Any:
        subvolume, number = entry
        return self.inode.btrfs.open_subvolume(subvolume).inode(number)
