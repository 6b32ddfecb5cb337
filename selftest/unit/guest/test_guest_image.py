"""The guest's image, made from a small tree of the shape that Debian has."""

import gzip
import json
import lzma
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from xenproof.errors import LabError
from xenproof.guest.image.filesystem import FILESYSTEMS, MIB
from xenproof.guest.image.guest_image import AREA_MIB, BLOCK, BLOCKS, LOADER, GuestImage, build_guest_image, keep_parts
from xenproof.guest.image.initramfs import Cpio, build_initramfs, modules_in_order

RELEASE = "6.1.0-1-amd64"
WANTED = ("xen-blkfront", "ext4")
DEP = """\
kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko kernel/fs/mbcache.ko kernel/fs/jbd2/jbd2.ko
kernel/fs/jbd2/jbd2.ko: kernel/lib/crc16.ko
kernel/fs/mbcache.ko:
kernel/lib/crc16.ko:
kernel/drivers/block/xen-blkfront.ko.xz:
kernel/drivers/net/xen-netfront.ko:
kernel/fs/btrfs/btrfs.ko: kernel/lib/raid6_pq.ko
kernel/lib/raid6_pq.ko:
kernel/fs/xfs/xfs.ko:
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A root tree with a kernel, its modules and busybox, none of which is the real one."""
    root = tmp_path / "root"
    modules = root / "lib/modules" / RELEASE
    for line in DEP.splitlines():
        path = modules / line.partition(":")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            lzma.compress(b"code of blkfront") if path.suffix == ".xz" else b"code of " + path.name.encode()
        )
    (modules / "modules.dep").write_text(DEP)
    (modules / "modules.builtin").write_text("kernel/crypto/crc32c_generic.ko\n")
    for folder in ("boot", "bin"):
        (root / folder).mkdir()
    (root / "boot" / f"vmlinuz-{RELEASE}").write_bytes(b"kernel" * 1000)
    (root / "bin/busybox").write_bytes(b"busybox")
    return root


def test_modules_come_after_what_they_need(tree: Path) -> None:
    names = [path.name for path in modules_in_order(tree / "lib/modules" / RELEASE, WANTED)]
    assert names == ["xen-blkfront.ko.xz", "crc16.ko", "mbcache.ko", "jbd2.ko", "ext4.ko"]


def test_a_provider_of_checksums_comes_first_where_the_kernel_has_it_as_a_module(tree: Path) -> None:
    """It is built in above, and not there at all in Linux 7.2."""
    folder = tree / "lib/modules" / RELEASE
    (folder / "modules.builtin").write_text("")
    assert "crc32c_generic.ko" not in [path.name for path in modules_in_order(folder, WANTED)]
    (folder / "modules.dep").write_text(f"{DEP}kernel/crypto/crc32c_generic.ko:\n")
    assert modules_in_order(folder, WANTED)[0].name == "crc32c_generic.ko"


def test_a_module_that_is_nowhere_is_an_error(tree: Path) -> None:
    with pytest.raises(LabError, match="xen-vscsi"):
        modules_in_order(tree / "lib/modules" / RELEASE, ("xen-vscsi",))


def test_the_initramfs_holds_witness_busybox_and_modules(tree: Path) -> None:
    modules = modules_in_order(tree / "lib/modules" / RELEASE, WANTED)
    files = read_cpio(gzip.decompress(build_initramfs(tree / "bin/busybox", modules)))
    assert files["init"].startswith(b"#!/bin/sh\n")
    assert files["bin/busybox"] == b"busybox"
    assert files["bin/sh"] == b"busybox"
    assert files["modules/order"].split() == [b"xen_blkfront.ko", b"crc16.ko", b"mbcache.ko", b"jbd2.ko", b"ext4.ko"]
    assert files["modules/xen_blkfront.ko"] == b"code of blkfront"


@pytest.mark.skipif(shutil.which("cpio") is None, reason="compares with the cpio program: install cpio")
def test_the_archive_is_one_that_cpio_reads() -> None:
    archive = Cpio()
    archive.add("a", 0o100644, b"abc")
    archive.add("folder", 0o040755)
    listed = subprocess.run(["cpio", "-it"], input=archive.bytes(), capture_output=True, check=True)
    assert listed.stdout.split() == [b"a", b"folder"]


@pytest.mark.parametrize("filesystem", FILESYSTEMS)
def test_the_image_has_two_partitions_and_its_own_menu(tree: Path, tmp_path: Path, filesystem: str) -> None:
    keep_parts(tree, tmp_path / "parts")
    build_guest_image(tmp_path / "parts", tmp_path / "out", filesystem)
    image = GuestImage.read(tmp_path / "out")
    disk = gzip.decompress(image.path.read_bytes())
    first = struct.unpack_from("<4xB3xII", disk, 446)
    second = struct.unpack_from("<4xB3xII", disk, 462)
    assert (first[0], first[1] * 512) == (0x83, MIB)
    assert (second[1] * 512, second[2] * 512) == (image.area_offset, AREA_MIB * MIB)
    assert len(disk) == image.raw_bytes == image.area_offset + AREA_MIB * MIB
    assert (BLOCKS + 1) * BLOCK <= AREA_MIB * MIB
    assert image.release == RELEASE
    assert image.command_line.endswith(f"xenproof.root={filesystem} xenproof.loader={LOADER}")
    assert b"menuentry" in disk


def test_the_same_files_give_the_same_initramfs(tree: Path) -> None:
    modules = modules_in_order(tree / "lib/modules" / RELEASE, WANTED)
    assert build_initramfs(tree / "bin/busybox", modules) == build_initramfs(tree / "bin/busybox", modules)


def test_a_tree_without_a_kernel_is_an_error(tree: Path, tmp_path: Path) -> None:
    (tree / "boot" / f"vmlinuz-{RELEASE}").unlink()
    with pytest.raises(LabError, match="install a kernel"):
        build_guest_image(tree, tmp_path / "out")


def test_a_damaged_image_is_an_error(tree: Path, tmp_path: Path) -> None:
    build_guest_image(tree, tmp_path)
    (tmp_path / "disk.raw.gz").write_bytes(b"other")
    with pytest.raises(LabError, match="sha256"):
        GuestImage.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"path": "x"})])
def test_a_description_of_another_shape_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "guest.json").write_text(text)
    with pytest.raises(LabError, match="build it again"):
        GuestImage.read(tmp_path)


def read_cpio(data: bytes) -> dict[str, bytes]:
    """The entries of a newc archive, by the letter of the format."""
    entries: dict[str, bytes] = {}
    at = 0
    while True:
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        assert data[at : at + 6] == b"070701"
        size, name_size = fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        begin = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries[name] = data[begin : begin + size]
        at = (begin + size + 3) & ~3
