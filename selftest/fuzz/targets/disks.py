"""Disk images: partition tables, qcow2 and ext file systems, each as the file of an image that is read as a whole."""

import struct
import tempfile
import uuid
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from selftest.fuzz.judged import read_all
from selftest.fuzz.patches import Patched
from selftest.fuzz.target import FuzzTarget
from selftest.fuzz.targets.packages import small
from selftest.images.disks import call, debugfs, make_ext4
from selftest.images.root import STATUS, TEXTS
from xenproof.image.disk import disk as read_on_demand
from xenproof.image.source import read_image

# Imported when a disk image is first read: too late to be watched.
assert read_on_demand
_SECTORS = 512
_DISK = _SECTORS * 512


def _read(image: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "disk.img"
        path.write_bytes(image)
        read_all(read_image(f"image://{path}", path, small()), small())


# --- Partition tables -----------------------------------------------------------------------------


def _partitions(data: bytes) -> None:
    _read(_with_sums(bytes(_tables().file(data))))


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
        kind + uuid.UUID(int=1).bytes_le + struct.pack("<QQQ", 64, 127, 0) + "root".encode("utf-16-le").ljust(72, b"\0")
    )
    head = struct.pack(
        "<8sIIIIQQQQ16sQIII", b"EFI PART", 65536, 92, 0, 0, 1, _SECTORS - 1, 34, _SECTORS - 34, bytes(16), 2, 4, 128, 0
    )
    disk = bytearray(_DISK)
    disk[:512] = _mbr(_entry(0xEE, 1, _SECTORS - 1))
    disk[512 : 512 + len(head)] = head
    disk[1024 : 1024 + 128] = entry
    return _with_sums(bytes(disk))


def _pc_disk() -> bytes:
    disk = bytearray(_DISK)
    disk[:512] = _mbr(_entry(0x83, 64, 32), _entry(5, 128, 300))
    disk[128 * 512 : 129 * 512] = _mbr(_entry(0x83, 16, 8), _entry(5, 64, 32))
    disk[192 * 512 : 193 * 512] = _mbr(_entry(0x83, 16, 8))
    return bytes(disk)


@cache
def _tables() -> Patched:
    return Patched([_gpt_disk(), _pc_disk(), bytes(_DISK)])


# --- qcow2 ----------------------------------------------------------------------------------------


def _qcow2(data: bytes) -> None:
    _read(bytes(_images().file(data)))


_FORMS = (("-o", "cluster_size=4096"), ("-c", "-o", "cluster_size=4096"), ("-o", "compat=0.10"))


@cache
def _images() -> Patched:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        raw = Path(folder) / "raw"
        raw.write_bytes(_filesystems().files[0])
        made: list[bytes] = []
        for at, options in enumerate(_FORMS):
            path = Path(folder) / str(at)
            call("qemu-img", "convert", "-O", "qcow2", *options, str(raw), str(path))
            made.append(path.read_bytes())
    return Patched(made)


# --- ext ------------------------------------------------------------------------------------------

# Options of mke2fs; the last is made to need its journal.
_KINDS = (
    ("ext4", ("-b", "1024", "-O", "^has_journal")),
    ("ext2", ("-b", "1024")),
    ("ext4", ("-b", "1024", "-O", "inline_data,^has_journal", "-I", "256")),
    ("ext3", ("-b", "1024")),
)


def _ext(data: bytes) -> None:
    _read(bytes(_filesystems().file(data)))


def _make_root(root: Path) -> None:
    for name in ("etc/os-release", "etc/passwd", "etc/fstab", "etc/xen/xl.conf", "boot/grub/grub.cfg"):
        (path := root / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXTS[name], "utf-8")
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(STATUS, "utf-8")
    (root / "var/log/xen").mkdir(parents=True)
    (root / "var/log/xen/hotplug.log").write_text("last words\n" * 2000, "utf-8")
    (root / "usr/sbin").mkdir(parents=True)
    (root / "usr/sbin/xl").write_text("#!/bin/sh\n", "utf-8")
    (root / "sbin").symlink_to("usr/sbin")
    (root / "usr/bin").symlink_to("/" + "y/../" * 30 + "bin")
    for at in range(60):
        (root / "boot" / f"a-file-with-a-long-name-{at:04d}").touch()


@cache
def _filesystems() -> Patched:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        _make_root(root := Path(folder) / "root")
        made: list[bytes] = []
        for at, (kind, options) in enumerate(_KINDS):
            path = Path(folder) / str(at)
            make_ext4(path, root, *options, size="3M" if kind == "ext3" else "1M", kind=kind)
            if kind == "ext3":
                debugfs(path, "feature needs_recovery")
            made.append(path.read_bytes())
    return Patched(made)


def _known(patched: Callable[[], Patched], **changes: tuple[int, int, bytes]) -> dict[str, bytes]:
    """Which file, where in it, and what stands there then."""
    return {name.replace("_", " "): patched().input(which, [(at, new)]) for name, (which, at, new) in changes.items()}


def _qcow2_known() -> dict[str, bytes]:
    return _known(
        _images,
        entries_without_end=(0, 36, b"\xff\xff\xff\xff"),
        a_backing_file_behind_the_end=(0, 8, b"\x7f" + bytes(7)),
        clusters_of_one_byte=(0, 20, bytes(4)),
        a_disk_without_end=(0, 24, b"\x7f" + b"\xff" * 7),
        a_header_without_end=(0, 100, b"\xff\xff\xff\xff"),
    )


def _ext_known() -> dict[str, bytes]:
    super_block = 1024
    return _known(
        _filesystems,
        blocks_of_no_size=(0, super_block + 24, b"\xff\xff\xff\xff"),
        no_blocks_in_a_group=(0, super_block + 32, bytes(4)),
        no_inodes_in_a_group=(0, super_block + 40, bytes(4)),
        inodes_of_no_size=(0, super_block + 88, bytes(2)),
        a_journal_that_is_the_root=(3, super_block + 224, b"\x02\0\0\0"),
    )


def _seeds_of(patched: Callable[[], Patched]) -> Callable[[], Sequence[bytes]]:
    return lambda: [patched().input(which) for which in range(len(patched().files))]


TARGETS = (
    FuzzTarget("partitions", _partitions, _seeds_of(_tables), longest=4096, is_text=False),
    FuzzTarget("qcow2", _qcow2, _seeds_of(_images), _qcow2_known, longest=4096, is_text=False),
    FuzzTarget("ext", _ext, _seeds_of(_filesystems), _ext_known, longest=4096, is_text=False),
)
