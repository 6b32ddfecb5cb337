"""What the file systems in a disk image have in common, whichever library reads them.

The libraries of Dissect have no types, and their input may be hostile or damaged: any error of theirs becomes a
SourceError here.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from xenproof.errors import SourceError, XenproofError
from xenproof.image.budget import Budget
from xenproof.image.disk.disk_bytes import MOST_AT_ONCE
from xenproof.image.disk.kept_nodes import KeptNodes
from xenproof.image.node import Node

MOST_NAMES = 200_000  # in one directory
LARGEST_DIRECTORY = 16 << 20
LONGEST_TARGET = 4095  # as the kernel's


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system: its type, its identity, its root directory, and that of each btrfs subvolume by its path."""

    type: str
    uuid: str
    label: str
    size: int
    root: Node
    subvolumes: Mapping[str, Node]


@dataclass(frozen=True, slots=True)
class SharedReading:
    """What all files of an image share: the limits of the reading, and the cache."""

    budget: Budget
    kept: KeptNodes


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn any error of a library into a SourceError that names the file or file system."""
    try:
        yield
    except XenproofError:
        raise
    except Exception as error:  # a library that reads hostile bytes may raise anything
        raise SourceError(f"{what} is damaged or cut off: {type(error).__name__}: {str(error)[:200]}") from error


class DissectNode:
    """A file; `inode` is the library's object."""

    def __init__(self, inode: Any, filesystem: str, where: str, shared: SharedReading) -> None:
        self.inode = inode
        self.filesystem = filesystem
        self.where = where
        self.shared = shared

    @cached_property
    def size(self) -> int:
        """Its size in bytes."""
        with reading(self.where):
            return int(self.inode.size)

    def child(self, name: str) -> Node | None:
        """The file with that name in the directory."""
        return self.shared.kept.node(self, name, lambda: self._child(name))

    def _child(self, name: str) -> Node | None:
        if (found := self._children.get(name)) is None:
            return None
        with reading(where := f"{self.where.rstrip('/')}/{name}"):
            return cast(Node, type(self)(self._inode(found), self.filesystem, where, self.shared))

    def names(self) -> list[str]:
        """The names in the directory."""
        return list(self._children)

    def target(self) -> str:
        """The target of the link."""
        if self.size > LONGEST_TARGET:
            raise SourceError(
                f"{self.where} is damaged: a link to a path of {self.size} bytes, at most {LONGEST_TARGET} are"
            )
        with reading(self.where):
            return self._target()

    def _target(self) -> str:
        return str(self.inode.link)

    def read(self, start: int, length: int) -> bytes:
        """The bytes of the file."""
        self.shared.budget.check()
        wanted = min(length, max(0, self.size - start))
        with reading(self.where):
            if wanted > MOST_AT_ONCE:
                raise ValueError(f"{wanted} bytes are to be read at once, at most {MOST_AT_ONCE} are")
            data = self._bytes(start, wanted) if wanted else b""
            if len(data) != wanted:
                raise EOFError(f"{len(data)} bytes from byte {start} on")
            return data

    def _bytes(self, start: int, length: int) -> bytes:
        stream = self.inode.open()
        stream.seek(start)
        return bytes(stream.read(length))

    @property
    def _children(self) -> Mapping[str, Any]:
        return self.shared.kept.names(self, self._read_children)

    def _read_children(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.size > LARGEST_DIRECTORY:
            raise SourceError(
                f"{self.where} is a directory of {self.size} bytes, more than the {LARGEST_DIRECTORY} that are read"
            )
        with reading(self.where):
            for count, (name, inode) in enumerate(self._entries()):
                if count > MOST_NAMES:
                    raise SourceError(f"{self.where} has more than {MOST_NAMES} names")
                if name not in (".", "..") and "/" not in name:
                    found.setdefault(name, inode)
        return found

    def _entries(self) -> Iterable[tuple[str, Any]]:
        """Each name in the directory, with the value from which `_inode` creates the library's file."""
        raise NotImplementedError

    def _inode(self, entry: Any) -> Any:
        raise NotImplementedError
