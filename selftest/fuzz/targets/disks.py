"""Disk images: partition tables, qcow2, ext file systems, and whole disks."""

import io
import struct
import tempfile
import uuid
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path

from selftest.fuzz.patches import Patched
from selftest.fuzz.target import Target, each
from selftest.images.disks import call, debugfs, make_ext4
from xenproof.image.container import Bytes, open_container
from xenproof.image.dissected import FileSystem, open_filesystem
from xenproof.image.node import Node, is_directory, is_file, is_link
from xenproof.image.partitions import read_partitions
from xenproof.image.signature import EXT

_MIB = 1 << 20
_DISK = 4 * _MIB


def _stream(data: bytes, size: int = 0) -> Bytes:
    whole = data.ljust(size, b"\0")
    return Bytes(io.BytesIO(whole), len(whole), "the image", whole=True)


# --- Partition tables -----------------------------------------------------------------------------


def _partitions(data: bytes) -> None:
    read_partitions(_stream(_with_sums(bytes(_tables().file(data)))), Path("disk.img"))


def _with_sums(data: bytes) -> bytes:
    """The disk with the checksums of its GPT as they have to be: else no change of it would be read."""
    disk = bytearray(data)
    if disk[512:520] != b"EFI PART":
        return data
    place, count, size = struct.unpack_from("<QII", disk, 512 + 72)
    if count * size <= _DISK:
        struct.pack_into("<I", disk, 512 + 88, zlib.crc32(disk[place * 512 : place * 512 + count * size]))
    length = min(struct.unpack_from("<I", disk, 512 + 12)[0], 512)
    struct.pack_into("<I", disk, 512 + 16, 0)
    struct.pack_into("<I", disk, 512 + 16, zlib.crc32(disk[512 : 512 + length]))
    return bytes(disk)


def _entry(kind: int, start: int, size: int) -> bytes:
    return struct.pack("<B3sB3sII", 0, b"", kind, b"", start, size)


def _mbr(*entries: bytes) -> bytes:
    return bytes(440) + b"\x78\x56\x34\x12\0\0" + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


def _gpt_disk() -> bytes:
    kind = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le
    entry = (
        kind
        + uuid.UUID(int=1).bytes_le
        + struct.pack("<QQQ", 2048, 4095, 0)
        + "root".encode("utf-16-le").ljust(72, b"\0")
    )
    head = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 65536, 92, 0, 0, 1, 8191, 34, 8000, bytes(16), 2, 4, 128, 0)
    disk = bytearray(_DISK)
    disk[:512] = _mbr(_entry(0xEE, 1, 8191))
    disk[512 : 512 + len(head)] = head
    disk[1024 : 1024 + 128] = entry
    return _with_sums(bytes(disk))


def _pc_disk() -> bytes:
    disk = bytearray(_DISK)
    disk[:512] = _mbr(_entry(0x83, 2048, 1024), _entry(5, 4096, 4000))
    disk[4096 * 512 : 4097 * 512] = _mbr(_entry(0x83, 16, 64), _entry(5, 128, 256))
    disk[4224 * 512 : 4225 * 512] = _mbr(_entry(0x83, 16, 64))
    return bytes(disk)


@cache
def _tables() -> Patched:
    return Patched([_gpt_disk(), _pc_disk(), bytes(_MIB)])


# --- qcow2 ----------------------------------------------------------------------------------------


def _qcow2(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder, ExitStack() as files:
        path = Path(folder) / "disk.qcow2"
        path.write_bytes(_images().file(data))
        disk = open_container(path, files)
        each(*(partial(_read, disk, at) for at in range(0, min(disk.size, _MIB), 65536)))
        each(lambda: read_partitions(disk, path))


def _read(disk: Bytes, at: int) -> bytes:
    disk.seek(at)
    return disk.read(4096)


@cache
def _images() -> Patched:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        raw = Path(folder) / "raw"
        raw.write_bytes(_pc_disk())
        made: list[bytes] = []
        for name, options in (
            ("a", ["-o", "cluster_size=4096"]),
            ("b", ["-c", "-o", "cluster_size=4096"]),
            ("c", ["-o", "compat=0.10"]),
        ):
            path = Path(folder) / name
            call("qemu-img", "convert", "-O", "qcow2", *options, str(raw), str(path))
            made.append(path.read_bytes())
    return Patched(made)


# --- ext ------------------------------------------------------------------------------------------


def _ext(data: bytes) -> None:
    image = bytes(_filesystems().file(data))
    found = open_filesystem(EXT, _stream(image), "the image")
    _walk(found)


def _walk(found: FileSystem) -> None:
    """Look at what a reader of a root directory looks at, as far as it goes."""
    todo: list[tuple[Node, int]] = [(found.root, 0)]
    seen = 0
    while todo and seen < 60:
        node, depth = todo.pop()
        seen += 1
        each(partial(_attributes, node), partial(_look, node, depth, todo))


def _attributes(node: Node) -> tuple[int, ...]:
    return node.mode, node.uid, node.gid, node.size


def _look(node: Node, depth: int, todo: list[tuple[Node, int]]) -> None:
    if is_link(node):
        node.target()
    elif is_file(node):
        node.read(0, min(node.size, 65536))
    elif is_directory(node) and depth < 6:
        for name in node.names()[:12]:
            if name not in (".", "..") and (child := node.child(name)) is not None:
                todo.append((child, depth + 1))


@cache
def _filesystems() -> Patched:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        root = Path(folder) / "root"
        (root / "etc/xen").mkdir(parents=True)
        (root / "usr/sbin").mkdir(parents=True)
        (root / "etc/os-release").write_text("NAME=x\n")
        (root / "etc/xen/long").write_bytes(b"x" * 20_000)
        (root / "usr/sbin/xl").symlink_to("../lib/xen/xl")
        (root / "usr/sbin/xm").symlink_to("/" + "y" * 100)
        for at in range(60):
            (root / "usr" / f"a-file-with-a-long-name-{at:04d}").touch()
        made: list[bytes] = []
        for at, (kind, options) in enumerate(
            (
                ("ext4", ("-b", "1024", "-O", "^has_journal")),
                ("ext2", ("-b", "1024")),
                ("ext4", ("-b", "1024", "-O", "inline_data,^has_journal", "-I", "256")),
                (
                    "ext3",
                    (
                        "-b",
                        "1024",
                    ),
                ),
            )
        ):
            path = Path(folder) / str(at)
            make_ext4(path, root, *options, size="1M" if kind != "ext3" else "3M", kind=kind)
            if kind == "ext3":
                debugfs(path, "feature needs_recovery")
            made.append(path.read_bytes())
    return Patched(made)


def _seeds(patched: Patched) -> Sequence[bytes]:
    return [patched.input(which) for which in range(len(patched.files))]


TARGETS = (
    Target("partitions", _partitions, lambda: _seeds(_tables()), longest=4096, is_text=False),
    Target("qcow2", _qcow2, lambda: _seeds(_images()), longest=4096, is_text=False),
    Target("ext", _ext, lambda: _seeds(_filesystems()), longest=4096, is_text=False),
)
