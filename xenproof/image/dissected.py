"""File systems inside of a disk image, read by the libraries of Dissect: the one place where those are used for it.

They carry no types, and what they read may be hostile or damaged: whatever they raise becomes a
SourceError here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, cast

from dissect.btrfs import Btrfs
from dissect.extfs import ExtFS
from dissect.xfs import XFS as Xfs

from xenproof.errors import SourceError, XenproofError
from xenproof.image.container import Bytes
from xenproof.image.ext_journal import replayed
from xenproof.image.node import Node
from xenproof.image.signature import BTRFS, EXT, XFS

MOST_NAMES = 200_000  # in one directory
_NOT_REPLAYED = 0x4  # in an ext file system's incompatible features
_NO_COW = 0x2  # in the flags of a btrfs inode


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system: its type, its identity, its root directory, and that of each btrfs subvolume by its path."""

    type: str
    uuid: str
    label: str
    size: int
    root: Node
    subvolumes: Mapping[str, Node]


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except XenproofError:
        raise
    except Exception as error:  # a library that reads hostile bytes may raise anything
        raise SourceError(f"{what} is damaged or cut off: {type(error).__name__}: {str(error)[:200]}") from error


def open_filesystem(kind: str, stream: Bytes, where: str) -> FileSystem:
    """The file system of that signature in `stream`; raises SourceError, naming `where`, if it cannot be read."""
    with _reading(f"the file system {kind} in {where}"):
        found = {EXT: _ext, XFS: _xfs, BTRFS: _btrfs}[kind](stream, where)
    if found.size > stream.size:
        raise SourceError(
            f"the file system {found.type} in {where} is cut off: it has {found.size} bytes, {stream.size} are there"
        )
    return found


def _ext(source: Bytes, where: str) -> FileSystem:
    found: Any = ExtFS(cast(BinaryIO, source))
    if int(found.sb.s_feature_incompat) & _NOT_REPLAYED:
        journal = ExtNode(found.get(int(found.sb.s_journal_inum)), EXT, f"{where}, its journal")
        found = ExtFS(cast(BinaryIO, replayed(source, journal.read, where)))
    size = int(found.block_count) * int(found.block_size)
    root = ExtNode(found.root, f"ext{_generation(found)}", f"{where}:/")
    return FileSystem(root.filesystem, str(found.uuid), str(found.volume_name), size, root, {})


def _generation(found: Any) -> int:
    """2, 3 or 4 by the features, as blkid tells them apart."""
    has_journal = int(found.sb.s_feature_compat) & 0x4
    # Everything that ext3 does not know: extents, 64 bit, flexible groups; huge files, checksums, ...
    newer = int(found.sb.s_feature_incompat) & ~0x16 or int(found.sb.s_feature_ro_compat) & ~0x7
    return 4 if newer else 3 if has_journal else 2


def _xfs(source: Bytes, where: str) -> FileSystem:
    found: Any = Xfs(cast(BinaryIO, source))
    size = int(found.sb.sb_dblocks) * int(found.block_size)
    return FileSystem(XFS, str(found.uuid), str(found.name), size, XfsNode(found.root, XFS, f"{where}:/"), {})


def _btrfs(source: Bytes, where: str) -> FileSystem:
    found: Any = Btrfs(cast(BinaryIO, source))
    if int(found.sb.num_devices) != 1:
        raise SourceError(f"the btrfs in {where} is spread over {found.sb.num_devices} devices, of which this is one")
    if int(found.sb.log_root):
        raise SourceError(
            f"the btrfs in {where} was not shut down: what its log still holds may be newer than its files; "
            "shut its system down, or mount a copy once"
        )
    subvolumes = {str(part.path): BtrfsNode(part.root, BTRFS, f"{where}:/{part.path}") for part in found.subvolumes()}
    root = BtrfsNode(found.root, BTRFS, f"{where}:/")
    # Of a file system on one device, the superblock's number is the device's.
    return FileSystem(BTRFS, str(found.uuid), str(found.label), int(found.sb.total_bytes), root, subvolumes)


class _DissectNode:
    """What the file systems have in common; `inode` is the library's."""

    def __init__(self, inode: Any, filesystem: str, where: str) -> None:
        self.inode = inode
        self.filesystem = filesystem
        self.where = where
        # A directory is asked for again and again, and reading it takes these libraries long.
        self._known: dict[str, Node | None] = {}

    @cached_property
    def size(self) -> int:
        """Its size in bytes."""
        with _reading(self.where):
            return int(self.inode.size)

    def child(self, name: str) -> Node | None:
        """What the directory has under the name."""
        if name not in self._known:
            inode = self._children.get(name)
            made = inode and type(self)(inode, self.filesystem, f"{self.where.rstrip('/')}/{name}")
            self._known[name] = cast(Node | None, made)
        return self._known[name]

    def names(self) -> list[str]:
        """The names in the directory."""
        return list(self._children)

    def target(self) -> str:
        """Where the link points to."""
        with _reading(self.where):
            return str(self.inode.link)

    def read(self, start: int, length: int) -> bytes:
        """The bytes of the file."""
        with _reading(self.where):
            stream = self.inode.open()
            stream.seek(start)
            data = bytes(stream.read(min(length, max(0, self.size - start))))
            if len(data) != min(length, max(0, self.size - start)):
                raise EOFError(f"{len(data)} bytes from byte {start} on")
            return data

    @cached_property
    def _children(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with _reading(self.where):
            for name, inode in self._entries():
                if len(found) >= MOST_NAMES:
                    raise SourceError(f"{self.where} has more than {MOST_NAMES} names")
                if name not in (".", "..") and "/" not in name:
                    found.setdefault(name, inode)
        return found

    def _entries(self) -> Iterator[tuple[str, Any]]:
        for inode in self.inode.iterdir():
            yield str(inode.filename), inode


class ExtNode(_DissectNode):
    """A file in an ext2, ext3 or ext4."""

    no_cow = False

    @property
    def volume(self) -> str:
        """The file system."""
        return str(self.inode.extfs.uuid)

    @cached_property
    def mode(self) -> int:
        """Type and permissions."""
        with _reading(self.where):
            return int(self.inode.inode.i_mode)

    @cached_property
    def uid(self) -> int:
        """The number of its owner."""
        with _reading(self.where):
            return int(self.inode.inode.i_uid) | int(self.inode.inode.i_uid_high) << 16

    @cached_property
    def gid(self) -> int:
        """The number of its group."""
        with _reading(self.where):
            return int(self.inode.inode.i_gid) | int(self.inode.inode.i_gid_high) << 16


class XfsNode(_DissectNode):
    """A file in an XFS."""

    no_cow = False

    @property
    def volume(self) -> str:
        """The file system."""
        return str(self.inode.xfs.uuid)

    @cached_property
    def mode(self) -> int:
        """Type and permissions."""
        with _reading(self.where):
            return int(self.inode.inode.di_mode)

    @cached_property
    def uid(self) -> int:
        """The number of its owner."""
        with _reading(self.where):
            return int(self.inode.inode.di_uid)

    @cached_property
    def gid(self) -> int:
        """The number of its group."""
        with _reading(self.where):
            return int(self.inode.inode.di_gid)


class BtrfsNode(_DissectNode):
    """A file in a subvolume of a btrfs."""

    @property
    def volume(self) -> str:
        """The subvolume."""
        return f"{self.inode.btrfs.uuid}:{self.inode.subvolume.objectid}"

    @cached_property
    def no_cow(self) -> bool:
        """Whether new data are written in place."""
        with _reading(self.where):
            return bool(int(self.inode.inode.flags) & _NO_COW)

    @cached_property
    def mode(self) -> int:
        """Type and permissions."""
        with _reading(self.where):
            return int(self.inode.mode)

    @cached_property
    def uid(self) -> int:
        """The number of its owner."""
        with _reading(self.where):
            return int(self.inode.uid)

    @cached_property
    def gid(self) -> int:
        """The number of its group."""
        with _reading(self.where):
            return int(self.inode.gid)

    def _entries(self) -> Iterator[tuple[str, Any]]:
        yield from self.inode.iterdir()
