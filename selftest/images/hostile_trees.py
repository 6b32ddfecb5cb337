"""Trees of XFS and btrfs that go round, and databases of rpm that say more than they hold."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selftest.images.disks import call
from selftest.images.hostile_ext import make_plain_ext, patch
from selftest.images.hostile_table import write_gpt
from selftest.images.root import make_root
from xenproof.image.disk.btrfs_bounds import BoundedBtrfs
from xenproof.image.disk.disk_bytes import Bytes

_XFS_BLOCK, _XFS_INODE = 4096, 512
_MAP_MAGIC, _FREE_BLOCK = 0x424D4133, 5000
_FORK_AT, _BTREE = 0xB0, 3
_MIB = 1 << 20


def _xfs(folder: Path) -> tuple[Path, int]:
    """An XFS, and where the inode of its root directory is."""
    image = folder / "disk.img"
    with image.open("wb") as out:
        out.truncate(300 << 20)
    call("mkfs.xfs", "-q", "-b", f"size={_XFS_BLOCK}", "-i", f"size={_XFS_INODE}", str(image))
    with image.open("rb") as data:
        data.seek(56)
        (number,) = struct.unpack(">Q", data.read(8))
    return image, number * _XFS_INODE


def _map_block(level: int, pointers: list[int] | None = None) -> bytes:
    """A block of a tree of extents: pointers, or 250 extents of one block each."""
    if level:
        words = pointers or []
        room = (_XFS_BLOCK - 72) // 16
        rows = bytes(8 * room) + struct.pack(f">{len(words)}Q", *words)
    else:
        # 54 bits for the place in the file, 52 for that on the disk, 21 for the length.
        words = list(range(250))
        rows = b"".join(struct.pack(">QQ", at << 9, 7 << 21 | 1) for at in words)
    return struct.pack(">IHH", _MAP_MAGIC, level, len(words)).ljust(72, b"\0") + rows


def _xfs_tree(folder: Path, blocks: list[bytes]) -> Path:
    """The root directory's extents are in a tree of those blocks, the first of which is at its top."""
    image, inode = _xfs(folder)
    for number, block in enumerate(blocks, _FREE_BLOCK):
        patch(image, number * _XFS_BLOCK, block)
    patch(image, inode + 5, bytes([_BTREE]))
    room = (_XFS_INODE - _FORK_AT - 4) // 16
    fork = struct.pack(">HH", len(blocks), room) + bytes(8 * room) + struct.pack(f">{room}Q", *[_FREE_BLOCK] * room)
    patch(image, inode + _FORK_AT, fork.ljust(_XFS_INODE - _FORK_AT, b"\0"))
    patch(image, inode + 0x52, b"\0")  # no room of the fork is left to attributes
    return image


def xfs_tree_in_itself(folder: Path) -> Path:
    """A block of a tree that is its own child."""
    return _xfs_tree(folder, [_map_block(1, [_FREE_BLOCK] * 250)])


def xfs_tree_of_one_leaf(folder: Path) -> Path:
    """Three levels, each entry of which leads to the same block below: 300 million extents."""
    tree = [_map_block(2, [_FREE_BLOCK + 1] * 250), _map_block(1, [_FREE_BLOCK + 2] * 250), _map_block(0)]
    return _xfs_tree(folder, tree)


def xfs_folder_without_end(folder: Path) -> Path:
    """A root directory of 2^62 bytes, nearly all of it a hole."""
    image, inode = _xfs(folder)
    patch(image, inode + 56, struct.pack(">Q", 1 << 62))
    return image


def xfs_blocks_of_gigabytes(folder: Path) -> Path:
    """A superblock with blocks of 2 GiB."""
    image, _ = _xfs(folder)
    patch(image, 4, struct.pack(">I", 1 << 31))
    return image


def _btrfs(folder: Path) -> Path:
    image = folder / "disk.img"
    with image.open("wb") as out:
        out.truncate(128 << 20)
    call("mkfs.btrfs", "-q", "--rootdir", str(make_root(folder)), str(image))
    return image


def _node_of(image: Path, tree: Callable[[BoundedBtrfs], Any]) -> tuple[int, int]:
    """Where the first node of a tree is, as the file system says it, and in the image."""
    with image.open("rb") as file:
        found = BoundedBtrfs(Bytes(file, image.stat().st_size, "x", whole=True))  # type: ignore[arg-type]  # a stream
        address = int(tree(found).root_offset)
        chunk = next(part for part in found._logical_fh.chunks if part.offset <= address < part.offset + part.length)
        return address, int(chunk.stripes[0].offset + address - chunk.offset)


def btrfs_tree_in_itself(folder: Path) -> Path:
    """The tree of files is a node that is its own child."""
    image = _btrfs(folder)
    address, place = _node_of(image, lambda found: found.fs_tree.tree)
    # Entries and level, then a key, the address and its generation.
    patch(image, place + 96, struct.pack("<IB17sQQ", 1, 1, bytes(17), address, 1))
    return image


def btrfs_without_roots(folder: Path) -> Path:
    """The tree of trees is a leaf without an entry."""
    image = _btrfs(folder)
    _, place = _node_of(image, lambda found: found._root_tree)
    patch(image, place + 96, struct.pack("<I", 0))
    return image


def btrfs_without_files(folder: Path) -> Path:
    """The tree of files is a leaf without an entry."""
    image = _btrfs(folder)
    _, place = _node_of(image, lambda found: found.fs_tree.tree)
    patch(image, place + 96, struct.pack("<I", 0))
    return image


def btrfs_node_with_billions_of_entries(folder: Path) -> Path:
    """The tree of trees says that it has 2^32 - 1 entries."""
    image = _btrfs(folder)
    _, place = _node_of(image, lambda found: found._root_tree)
    patch(image, place + 96, struct.pack("<I", (1 << 32) - 1))
    return image


def btrfs_nodes_of_gigabytes(folder: Path) -> Path:
    """A superblock with nodes of 2 GiB."""
    image = _btrfs(folder)
    patch(image, 0x10000 + 148, struct.pack("<I", 1 << 31))
    return image


def a_hundred_partitions(folder: Path) -> Path:
    """A disk with the same file system in 100 partitions."""
    return _partitions(folder, 100)


def a_thousand_partitions(folder: Path) -> Path:
    """A disk with the same file system in 1000 partitions."""
    return _partitions(folder, 1000)


def _partitions(folder: Path, count: int) -> Path:
    bare = make_plain_ext(folder / "bare.img", make_root(folder), "4M").read_bytes()
    with (folder / "disk.img").open("wb") as out:
        out.truncate(16 * _MIB)
        out.seek(_MIB)
        out.write(bare)
    return write_gpt(folder / "disk.img", [(2048, 2048 + len(bare) // 512 - 1)] * count)


def _header(name: bytes, filling: int) -> bytes:
    """A package's header with name, version and release, and bytes that mean nothing."""
    texts = name + b"\0" + b"1\0" + b"2\0"
    places = ((1000, 0), (1001, len(name) + 1), (1002, len(name) + 3))
    index = b"".join(struct.pack(">IIII", tag, 6, at, 1) for tag, at in places)
    return struct.pack(">II", 3, len(texts) + filling) + index + texts + bytes(filling)


def _with_ndb(folder: Path, slots: list[bytes], blobs: bytes) -> Path:
    root = make_root(folder)
    (root / "var/lib/dpkg/status").unlink()
    pages = -(-(32 + 16 * len(slots)) // 4096)
    empty = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    table = struct.pack("<4sIII16x", b"RpmP", 0, 1, pages) + b"".join(slots)
    table += empty * ((pages * 4096 - len(table)) // 16)
    (path := root / "usr/lib/sysimage/rpm/Packages.db").parent.mkdir(parents=True)
    path.write_bytes(table + blobs)
    return root


def one_package_many_times(folder: Path) -> Path:
    """A database of 128 MiB whose slots all lead to one package of 30 MiB."""
    blob = _header(b"xen", 30 * _MIB)
    count = 200_000
    place = -(-(32 + 16 * count) // 4096) * 256
    whole = struct.pack("<4sIII", b"BlbS", 1, 1, len(blob)) + blob
    return _with_ndb(folder, [struct.pack("<4sIII", b"Slot", 1, place, 1)] * count, whole.ljust(124 * _MIB, b"\0"))


def many_small_packages(folder: Path) -> Path:
    """A database with more packages than any system has."""
    count, slots, blobs = 150_000, [], bytearray()
    first = -(-(32 + 16 * count) // 4096) * 256
    for number in range(1, count + 1):
        blob = _header(b"xen", 0)
        slots.append(struct.pack("<4sIII", b"Slot", number, first + len(blobs) // 16, 1))
        whole = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob
        blobs += whole.ljust(-(-len(whole) // 16) * 16, b"\0")
    return _with_ndb(folder, slots, bytes(blobs))


def package_of_hundred_megabytes(folder: Path) -> Path:
    """A database with one package of 100 MiB."""
    blob = _header(b"xen", 100 * _MIB)
    whole = struct.pack("<4sIII", b"BlbS", 1, 1, len(blob)) + blob
    return _with_ndb(folder, [struct.pack("<4sIII", b"Slot", 1, 256, 1)], whole)


TREES: dict[Callable[[Path], Path], str] = {
    xfs_tree_in_itself: "the image:/ is damaged or cut off: RecursionError",
    xfs_tree_of_one_leaf: "this image has more than 200,000 pieces of files",
    xfs_folder_without_end: "the image:/ is a directory of 4611686018427387904 bytes, more than the 16777216",
    xfs_blocks_of_gigabytes: "blocks of 2147483648 bytes",
    btrfs_tree_in_itself: "a tree of more than 8 levels",
    btrfs_nodes_of_gigabytes: "nodes of 2147483648",
    btrfs_without_roots: "the file system btrfs in the image is damaged or cut off: KeyError",
    btrfs_without_files: "damaged|no root file system",
    btrfs_node_with_billions_of_entries: "a node of 4294967295 entries in 16384 bytes",
    a_hundred_partitions: "has 100 root file systems",
    a_thousand_partitions: "has 1000 file systems, more than the 128 that are read",
    one_package_many_times: "rpm's database has more than the 100000 packages that are read, or larger ones",
    many_small_packages: "rpm's database has more than the 100000 packages that are read, or larger ones",
    package_of_hundred_megabytes: "has a header of 1048[0-9]+ bytes, expected 33554432 or fewer",
}
