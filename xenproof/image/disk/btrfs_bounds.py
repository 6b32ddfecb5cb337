"""Dissect's btrfs with limits: its trees may contain loops, and its compressed extents may expand to gigabytes.

The library creates its trees and unpacks its extents through names in its own modules, so the limited versions
replace these names; they do the same, and raise where real data never gets.
"""

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO

import dissect.btrfs.btrfs as library
import dissect.btrfs.stream as library_stream
from dissect.btrfs.c_btrfs import c_btrfs
from dissect.btrfs.tree import BTree, Cursor

from xenproof.errors import SourceError
from xenproof.image.budget import Budget

_DEEPEST = 8 + 1  # the levels of a tree, and the root entry above them
_MOST_ITEMS = 300_000  # in one directory, or extents of one file
_MOST_EXTENT_BYTES = 128 << 10  # the size of a compressed extent, packed and unpacked
_KEPT_NODE_BYTES = 8 << 20
_MOST_SUBVOLUMES, _MOST_PATH_CHARACTERS, _DEEPEST_PATH = 20_000, 4 << 20, 64
_unpacked: Any = library_stream.decode_extent


class _Cursor(Cursor):  # type: ignore[misc]  # the library has no types
    """A cursor with limits on the depth and on the number of items."""

    def push(self, address: int, initial_index: int = 0) -> None:
        self.btree.btrfs.budget.check()
        if len(self._path) >= _DEEPEST:
            raise ValueError(f"a tree of more than {_DEEPEST - 1} levels")
        super().push(address, initial_index)
        # Only the root of a tree may be empty.
        if self._is_empty and len(self._path) > 1:
            raise ValueError("a node without an entry")

    def search(self, *arguments: Any, **named: Any) -> bool:
        # The library's binary search does not end in an empty node.
        return not self._is_empty and bool(super().search(*arguments, **named))

    @property
    def _is_empty(self) -> bool:
        return int(self._header.nritems) == 0

    def iter(self, *arguments: Any, **named: Any) -> Iterator[Any]:
        if self._is_empty:
            return
        for count, item in enumerate(super().iter(*arguments, **named)):
            if count > _MOST_ITEMS:
                raise ValueError(f"more than {_MOST_ITEMS} items of one kind")
            yield item


class _Tree(BTree):  # type: ignore[misc]  # the library has no types
    """A tree with limited cursors; all trees share one cache of nodes."""

    def __init__(self, btrfs: Any, root_item: Any = None, root_offset: int | None = None) -> None:
        super().__init__(btrfs, root_item, root_offset)
        self._read_node = btrfs.kept_node

    def cursor(self) -> _Cursor:
        return _Cursor(self)


def _bounded(data: Any, compression: int, encryption: int, sector_size: int) -> Any:
    """The unpacked extent; raises ValueError if it is larger than btrfs allows."""
    if compression == c_btrfs.BTRFS_COMPRESS_NONE or encryption:
        return _unpacked(data, compression, encryption, sector_size)
    if len(data) > _MOST_EXTENT_BYTES:
        raise ValueError(f"a compressed extent of {len(data)} bytes")
    if compression == c_btrfs.BTRFS_COMPRESS_ZLIB:
        return zlib.decompressobj().decompress(data, _MOST_EXTENT_BYTES)
    if compression == c_btrfs.BTRFS_COMPRESS_ZSTD:
        found = library_stream.zstd.ZstdDecompressor().decompress(bytes(data), _MOST_EXTENT_BYTES)
    else:
        found = _unpacked(data, compression, encryption, sector_size)
    return found


library.BTree = _Tree
library.decode_extent = library_stream.decode_extent = _bounded


class BoundedBtrfs(library.Btrfs):  # type: ignore[misc]  # the library has no types
    """A btrfs on one device, in a stream with a budget."""

    def __init__(self, source: BinaryIO) -> None:
        self.budget: Budget = getattr(source, "budget", None) or Budget()
        self.kept_node: Any = None
        super().__init__(source)

    def _initialize_chunks(self) -> None:
        # Now the sizes are known, and no tree was opened yet.
        kept = max(16, _KEPT_NODE_BYTES // int(self.node_size))
        self.kept_node = lru_cache(kept)(self._node)
        super()._initialize_chunks()

    def _node(self, address: int) -> tuple[memoryview, Any]:
        node = memoryview(self._read_node(address))
        header = c_btrfs.btrfs_header(node)
        if header.nritems > len(node) // len(c_btrfs.btrfs_item):
            raise ValueError(f"a node of {header.nritems} entries in {len(node)} bytes")
        return node, header

    def open_subvolume(self, objectid: int, parent: Any = None) -> Any:
        """A subvolume that does not cache files: the reader of directories does."""
        made = super().open_subvolume(objectid, parent)
        made.inode = library.Subvolume.inode.__get__(made)
        return made

    def subvolume_paths(self) -> dict[str, int]:
        """The number of each subvolume by its path; raises SourceError if there are too many."""
        found: dict[str, int] = {}
        characters = 0
        for count, part in enumerate(self.subvolumes()):
            path = self._path(int(part.objectid))
            characters += len(path)
            if count > _MOST_SUBVOLUMES or characters > _MOST_PATH_CHARACTERS:
                raise SourceError(
                    f"the btrfs has more than {_MOST_SUBVOLUMES} subvolumes, or paths too long for that many"
                )
            found[path] = int(part.objectid)
        return found

    def _path(self, number: int) -> str:
        """The path of a subvolume from the top-level one on; raises ValueError for a loop."""
        names: list[str] = []
        while number != c_btrfs.BTRFS_FS_TREE_OBJECTID:
            item, data = self._root_tree.find(objectid=number, type=c_btrfs.BTRFS_ROOT_BACKREF_KEY)
            reference = c_btrfs.btrfs_root_ref(data)
            names.append(_text(reference.name))
            number, folder = int(item.key.offset), int(reference.dirid)
            tree = self.open_subvolume(number).tree
            while folder != c_btrfs.BTRFS_FIRST_FREE_OBJECTID:
                item, data = tree.find(folder, c_btrfs.BTRFS_INODE_REF_KEY)
                names.append(_text(c_btrfs.btrfs_inode_ref(data).name))
                folder = int(item.key.offset)
                self._must_end(names)
            self._must_end(names)
        return "/".join(reversed(names))

    @staticmethod
    def _must_end(names: list[str]) -> None:
        if len(names) > _DEEPEST_PATH:
            raise ValueError(f"a subvolume more than {_DEEPEST_PATH} directories deep")


def _text(name: bytes) -> str:
    return bytes(name).decode("utf-8", "surrogateescape")
