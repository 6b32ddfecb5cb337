"""Damage to an ext file system, at the fields of its inodes: sizes, blocks, tables of extents, entries."""

import re
import struct
from collections.abc import Iterable
from pathlib import Path

from selftest.images.disks import debugfs, make_ext4

BLOCK = 1024
# Without checksums, so that what is changed is not seen by them; blocks of 1 KiB, so that tables are small.
OPTIONS = ("-b", str(BLOCK), "-O", "^metadata_csum,^has_journal,^64bit,^dir_index", "-I", "256")
_SIZE_AT, _BLOCK_AT, _SIZE_HIGH_AT = 4, 40, 108
_EXTENT_MAGIC = 0xF30A


def make_plain_ext(image: Path, root: Path, size: str = "16M", *, extents: bool = True) -> Path:
    """An ext4 that can be damaged by hand, or one that has no extents."""
    return make_ext4(image, root, *OPTIONS, *(() if extents else ("-O", "^extent")), size=size)


def patch(image: Path, at: int, data: bytes) -> None:
    """Write bytes at a place."""
    with image.open("r+b") as out:
        out.seek(at)
        out.write(data)


def inode_place(image: Path, path: str) -> int:
    """Where a file's inode is, in bytes."""
    # located at block 37, offset 0x0100
    found = re.search(r"located at block (\d+), offset 0x([0-9a-f]+)", debugfs(image, f"imap {path}"))
    assert found, path
    return int(found[1]) * BLOCK + int(found[2], 16)


def block_of(image: Path, path: str) -> int:
    """The first block of a file."""
    return int(debugfs(image, f"blocks {path}").split("\n")[-2].split()[0])


def set_size(image: Path, path: str, size: int) -> None:
    """Say that a file has that many bytes."""
    place = inode_place(image, path)
    patch(image, place + _SIZE_AT, struct.pack("<I", size & 0xFFFFFFFF))
    patch(image, place + _SIZE_HIGH_AT, struct.pack("<I", size >> 32))


def extent_table(entries: Iterable[tuple[int, int, int]], depth: int = 0) -> bytes:
    """A table: block, length and place of each extent at depth 0, block, 0 and place of a table above it."""
    rows = [
        struct.pack("<IIHH", block, place & 0xFFFFFFFF, place >> 32, 0)
        if depth
        else struct.pack("<IHHI", block, length, place >> 32, place & 0xFFFFFFFF)
        for block, length, place in entries
    ]
    return struct.pack("<HHHHI", _EXTENT_MAGIC, len(rows), len(rows), depth, 0) + b"".join(rows)


def set_extents(image: Path, path: str, entries: Iterable[tuple[int, int, int]], depth: int = 0) -> None:
    """Replace the table in a file's inode."""
    patch(image, inode_place(image, path) + _BLOCK_AT, extent_table(entries, depth).ljust(60, b"\0"))


def set_pointers(image: Path, path: str, pointers: list[int]) -> None:
    """Replace the block numbers in the inode of a file without extents: 12, then those of one, two and three levels."""
    patch(image, inode_place(image, path) + _BLOCK_AT, struct.pack("<15I", *pointers))
