"""The source image:// on disk images: real file systems, as whole disks and bare, and damaged ones."""

import hashlib
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.images.disks import SECTOR, call, debugfs, give, make_disk, make_ext4
from selftest.images.root import PROFILE, make_root
from xenproof.errors import NotEvaluable, SourceError, XenproofError
from xenproof.facts.files import FILES
from xenproof.facts.images import IMAGES, SUBVOLUMES, snapshot_free
from xenproof.facts.packages import PACKAGES
from xenproof.facts.texts import TEXTS
from xenproof.facts.xl_conf import XL_CONF_SETTINGS
from xenproof.image.source import read_image
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE, "utf-8")
    return load_profile(str(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


@pytest.fixture
def bare(root: Path, tmp_path: Path) -> Path:
    """The small root directory as an ext4."""
    image = make_ext4(tmp_path / "bare.img", root)
    give(image, "/etc/xen/xl.conf", 7, 4)
    return image


@pytest.fixture
def read(profile: Profile) -> Callable[..., Recording]:
    return lambda path, *backing: read_image(f"image://{path}", path, profile, backing)


def conforms(recording: Recording, profile: Profile, filesystem: str = "ext4") -> None:
    """The image is the small root directory, with owners, on that file system."""
    assert PACKAGES.of(recording, profile).installed("xen-utils-4.17").yes
    files = FILES.of(recording, profile)
    conf = files.file("/etc/xen/xl.conf")
    assert (conf.type, conf.mode, conf.owner) == ("file", "0640", "lp:adm")
    assert files.exists("/lib/modules/{release}/kernel/xen-netback.ko").yes
    assert files.exists("/sbin/xl").yes
    assert XL_CONF_SETTINGS.of(recording, profile).value("autoballoon") == "off"
    images, subvolumes = IMAGES.of(recording, profile), SUBVOLUMES.of(recording, profile)
    assert images.folder("/var/log/xen").filesystem == filesystem
    if filesystem != "btrfs":
        assert snapshot_free(images, subvolumes, "/var/log/xen").yes


def test_a_bare_file_system(bare: Path, read: Callable[[Path], Recording], profile: Profile) -> None:
    recording = read(bare)
    conforms(recording, profile)
    assert recording.about["source"] == "disk image, not running (ext4 in the image)"


@pytest.mark.parametrize("kind", ["ext2", "ext3"])
def test_older_ext_file_systems(
    root: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile, kind: str
) -> None:
    image = make_ext4(tmp_path / "old.img", root, "-b", "1024", kind=kind)
    give(image, "/etc/xen/xl.conf", 7, 4)
    conforms(read(image), profile, kind)


@pytest.mark.parametrize("label", ["gpt", "dos"])
def test_a_whole_disk(
    bare: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile, label: str
) -> None:
    recording = read(make_disk(tmp_path / "disk.img", [1 << 20, bare], label))
    conforms(recording, profile)
    assert recording.about["source"] == "disk image, not running (ext4 in partition 2)"


@pytest.mark.parametrize("options", [["-c"], [], ["-o", "cluster_size=4096"], ["-o", "compat=0.10"]])
def test_a_qcow2_image(
    bare: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile, options: list[str]
) -> None:
    disk = make_disk(tmp_path / "disk.img", [bare])
    call("qemu-img", "convert", "-O", "qcow2", *options, str(disk), str(tmp_path / "disk.qcow2"))
    conforms(read(tmp_path / "disk.qcow2"), profile)


def test_a_qcow2_image_on_top_of_others_that_are_smaller(
    bare: Path, tmp_path: Path, read: Callable[..., Recording], profile: Profile
) -> None:
    call("qemu-img", "create", "-q", "-f", "qcow2", "-b", "bare.img", "-F", "raw", str(tmp_path / "one.qcow2"), "1G")
    call("qemu-img", "create", "-q", "-f", "qcow2", "-b", "one.qcow2", "-F", "qcow2", str(tmp_path / "two.qcow2"), "2G")
    conforms(read(tmp_path / "two.qcow2", tmp_path / "one.qcow2", bare), profile)
    with pytest.raises(SourceError, match=r"one.qcow2 names the backing file 'bare.img', .* allow it with --backing /"):
        read(tmp_path / "two.qcow2", tmp_path / "one.qcow2")
    bare.unlink()
    with pytest.raises(SourceError, match=r"cannot read the image .*bare.img: No such file"):
        read(tmp_path / "two.qcow2", tmp_path / "one.qcow2", bare)


def test_an_image_that_is_based_on_itself_ends(tmp_path: Path, read: Callable[..., Recording]) -> None:
    image = tmp_path / "loop.qcow2"
    call("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "loop.qcow2", "-F", "qcow2", str(image), "1G")
    with pytest.raises(SourceError, match="based on itself"):
        read(image, image)


def test_file_systems_are_put_where_fstab_says(
    root: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile
) -> None:
    uuid = "0f2c1d9a-1111-4222-8333-444455556666"
    for name in ("boot", "var"):
        (root / name).rename(tmp_path / name)
        (root / name).mkdir()
    (root / "srv/none").mkdir(parents=True)
    grub = tmp_path / "boot/grub/grub.cfg"
    grub.write_text(grub.read_text().replace("/boot/", "/"), "utf-8")  # GRUB's own root is that file system
    (root / "etc/fstab").write_text(
        f"LABEL=dom0 / ext4 defaults 0 1\nUUID={uuid.upper()} /boot ext3 ro 0 2\n"
        "/dev/disk/by-label/var\\040data /var ext4 defaults 0 2\nLABEL=away /srv/none xfs defaults 0 2\n",
        "utf-8",
    )
    boot = make_ext4(tmp_path / "boot.img", tmp_path / "boot", "-U", uuid, kind="ext3", size="4M")
    var = make_ext4(tmp_path / "var.img", tmp_path / "var", "-L", "var data", size="8M")
    bare = make_ext4(tmp_path / "root.img", root, "-L", "dom0")
    give(bare, "/etc/xen/xl.conf", 7, 4)
    recording = read(make_disk(tmp_path / "disk.img", [boot, var, bare]))
    conforms(recording, profile)
    assert recording.about["source"] == "disk image, not running (ext4 in partition 3)"
    with pytest.raises(NotEvaluable, match=r"/srv/none is on LABEL=away \(xfs\), which is no file system in this"):
        IMAGES.of(recording, profile).folder("/srv/none")


def test_what_a_journal_still_holds_is_read(
    bare: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile
) -> None:
    block = int(debugfs(bare, "blocks /etc/xen/xl.conf").strip().splitlines()[-1])
    size = int(call("dumpe2fs", "-h", str(bare)).split("Block size:")[1].split()[0])
    newer = tmp_path / "newer"
    newer.write_bytes(b'autoballoon="on" \n# claim_mode=0\n'.ljust(size, b"\0"))
    debugfs(bare, "jo", f"jw -b {block} {newer}", "jc")
    assert "needs_recovery" in call("dumpe2fs", "-h", str(bare))

    before = XL_CONF_SETTINGS.of(read(bare), profile).value("autoballoon")
    # 1: the file system was changed, which is what it is asked for.
    done = subprocess.run(["/sbin/e2fsck", "-p", "-E", "journal_only", bare], capture_output=True, check=False)
    assert done.returncode in (0, 1), done
    assert "needs_recovery" not in call("dumpe2fs", "-h", str(bare))

    assert (before, XL_CONF_SETTINGS.of(read(bare), profile).value("autoballoon")) == ("on", "on")


def test_what_a_journal_revoked_is_not_read(
    bare: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile
) -> None:
    block = int(debugfs(bare, "blocks /etc/xen/xl.conf").strip().splitlines()[-1])
    newer = tmp_path / "newer"
    newer.write_bytes(b'autoballoon="on"\n'.ljust(4096, b"\n"))
    debugfs(bare, "jo", f"jw -b {block} {newer}", f"jw -r {block}", "jc")
    assert "needs_recovery" in call("dumpe2fs", "-h", str(bare))
    assert XL_CONF_SETTINGS.of(read(bare), profile).value("autoballoon") == "off"


def test_an_xfs(root: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile) -> None:
    image = tmp_path / "xfs.img"
    with image.open("wb") as out:
        out.truncate(300 << 20)
    for number in range(300):
        (root / f"etc/many-names-for-a-directory-of-several-blocks-{number}").write_text(str(number), "utf-8")
    (root / "etc/long").symlink_to("x" * 900)
    call("mkfs.xfs", "-q", "-p", str(prototype(root, tmp_path)), str(image))
    recording = read(image)
    conforms(recording, profile, "xfs")
    assert TEXTS.of(recording, profile).of("/etc/logrotate.d/xen") == ("/var/log/xen/*.log {", "}")


def prototype(root: Path, tmp_path: Path) -> Path:
    """A directory as `mkfs.xfs -p` wants it told; the file xl.conf is lp's."""
    lines = ["/dev/null", "0 0", "d--755 0 0"]

    def tell(folder: Path) -> None:
        for path in sorted(folder.iterdir()):
            mode = f"{path.lstat().st_mode & 0o777:03o}"
            if path.is_symlink():
                lines.append(f"{path.name} l--777 0 0 {path.readlink()}")
            elif path.is_dir():
                lines.append(f"{path.name} d--{mode} 0 0")
                tell(path)
                lines.append("$")
            else:
                owner = "7 4" if path.name == "xl.conf" else "0 0"
                lines.append(f"{path.name} ---{mode} {owner} {path}")

    tell(root)
    (file := tmp_path / "prototype").write_text("\n".join([*lines, "$", ""]), "utf-8")
    return file


def test_a_btrfs(root: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile) -> None:
    image = tmp_path / "btrfs.img"
    with image.open("wb") as out:
        out.truncate(128 << 20)
    call("mkfs.btrfs", "-q", "--rootdir", str(root), str(image))
    recording = read(image)
    assert PACKAGES.of(recording, profile).installed("xen-utils-4.17").yes
    assert FILES.of(recording, profile).exists("/lib/modules/{release}/kernel/xen-netback.ko").yes
    images, subvolumes = IMAGES.of(recording, profile), SUBVOLUMES.of(recording, profile)
    assert images.folder("/var/log/xen").filesystem == "btrfs"
    assert not snapshot_free(images, subvolumes, "/var/log/xen").yes


def head(path: Path, data: bytes, at: int = 0, size: int = 4 << 20) -> Path:
    """A file that has `data` at one place and zeros elsewhere."""
    with path.open("wb") as out:
        out.truncate(size)
        out.seek(at)
        out.write(data)
    return path


@pytest.mark.parametrize(
    ("at", "data", "message"),
    [
        (0, b"", "is no disk image: expected a raw or qcow2 image"),
        (0, b"#!/bin/sh\n", "is no disk image"),
        (
            0,
            b"LUKS\xba\xbe\x00\x01",
            r"the image holds LUKS \(encrypted\); open the encrypted partition with cryptsetup",
        ),
        (512, b"LABELONE", "the image holds LVM; volumes of LVM are not read"),
        (0x1000, b"\xfc\x4e\x2b\xa9", "the image holds a part of a Linux RAID; ext2, ext3"),
        (4086, b"SWAPSPACE2", "the image holds swap"),
        (0x10034, b"ReIsEr2Fs", "the image holds reiserfs"),
        (0, b"hsqs", "the image holds squashfs"),
        (0, b"\x1f\x8b\x08\x00", "is a gzip file, expected a raw or a qcow2 image"),
        (0, b"KDMV\x01", "is a VMDK file"),
        (0, b"vhdxfile", "is a VHDX file"),
        (0, b"QFI\xfb\x00\x00\x00\x09", "is no whole qcow2 image"),
        (0x438, b"\x53\xef", "the file system ext in the image is damaged"),
        (0, b"XFSB", "the file system xfs in the image is damaged"),
        (0x10040, b"_BHRfS_M", "the file system btrfs in the image is damaged"),
    ],
)
def test_what_is_no_image_of_a_system_is_named(
    tmp_path: Path, read: Callable[[Path], Recording], at: int, data: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(head(tmp_path / "what", data, at))
    assert caught.value.exit_status == 6


def test_an_empty_file_is_no_image(tmp_path: Path, read: Callable[[Path], Recording]) -> None:
    with pytest.raises(SourceError, match="is empty"):
        read(head(tmp_path / "empty", b"", size=0))


def test_a_disk_without_a_system_says_what_it_has(
    tmp_path: Path, root: Path, read: Callable[[Path], Recording]
) -> None:
    (data := tmp_path / "data").mkdir()
    (data / "file").write_text("x", "utf-8")
    plain = make_ext4(tmp_path / "data.img", data, size="2M")
    luks = head(tmp_path / "luks.img", b"LUKS\xba\xbe\x00\x01")
    message = (
        r"no root file system: partition 1 holds ext, partition 2 holds LUKS \(encrypted\), partition 3 holds nothing"
    )
    with pytest.raises(SourceError, match=message):
        read(make_disk(tmp_path / "disk.img", [plain, luks, 1 << 20]))


def test_several_systems_are_named_with_their_places(
    bare: Path, root: Path, tmp_path: Path, read: Callable[[Path], Recording], profile: Profile
) -> None:
    (root / "etc/os-release").write_text('PRETTY_NAME="SUSE Linux Enterprise Server 12"\n', "utf-8")
    other = make_ext4(tmp_path / "other.img", root)
    disk = make_disk(tmp_path / "disk.img", [bare, other])
    with pytest.raises(SourceError) as caught:
        read(disk)
    assert "2 root file systems: partition 1 (ext4, Debian GNU/Linux 12 (bookworm), skip=2048 count=32768)" in str(
        caught.value
    )
    assert "partition 2 (ext4, SUSE Linux Enterprise Server 12, skip=34816 count=32768)" in str(caught.value)
    call("dd", f"if={disk}", f"of={tmp_path / 'cut.img'}", "bs=512", "skip=2048", "count=32768")
    conforms(read(tmp_path / "cut.img"), profile)


def test_a_system_without_packages_is_an_error(root: Path, tmp_path: Path, read: Callable[[Path], Recording]) -> None:
    (root / "var/lib/dpkg/status").unlink()
    with pytest.raises(SourceError, match="no database of packages"):
        read(make_ext4(tmp_path / "bare.img", root))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_disk_that_was_cut_off_is_an_error(
    bare: Path, tmp_path: Path, read: Callable[[Path], Recording], share: float
) -> None:
    disk = make_disk(tmp_path / "disk.img", [bare], "dos")
    call("qemu-img", "convert", "-O", "qcow2", str(disk), str(tmp_path / "disk.qcow2"))
    for image in (bare, disk, tmp_path / "disk.qcow2"):
        with image.open("r+b") as out:
            out.truncate(int(image.stat().st_size * share) // SECTOR * SECTOR)
        with pytest.raises(SourceError, match=r"cut off|no disk image|damaged"):
            read(image)


def test_an_encrypted_qcow2_image_is_an_error(bare: Path, tmp_path: Path, read: Callable[[Path], Recording]) -> None:
    image = tmp_path / "disk.qcow2"
    call("qemu-img", "convert", "-O", "qcow2", str(bare), str(image))
    data = bytearray(image.read_bytes())
    data[32:36] = (1).to_bytes(4, "big")
    image.write_bytes(data)
    with pytest.raises(SourceError, match="is encrypted"):
        read(image)


def test_a_damaged_image_is_never_more_than_an_error(
    root: Path, tmp_path: Path, read: Callable[[Path], Recording]
) -> None:
    """Whatever bytes change, it is read, or refused with a reason: no other exception, no endless loop."""
    image = make_ext4(tmp_path / "bare.img", root, "-b", "1024", size="2M")
    good = image.read_bytes()
    # Where anything is: most of the image is zeros.
    used = [at for at in range(0, len(good), 64) if any(good[at : at + 64])]
    refused = 0
    for seed in range(60):
        chance = random.Random(seed)  # noqa: S311  # not for secrets: the same damage each time
        data = bytearray(good)
        for _ in range(chance.choice([1, 10, 100])):
            data[chance.choice(used) + chance.randrange(64)] = chance.randrange(256)
        image.write_bytes(data)
        try:
            read(image)
        except XenproofError:
            refused += 1
    assert 0 < refused < 60


def test_the_image_is_not_changed(bare: Path, tmp_path: Path, read: Callable[[Path], Recording]) -> None:
    disk = make_disk(tmp_path / "disk.img", [bare])
    before = hashlib.sha256(disk.read_bytes()).digest()
    disk.chmod(0o400)
    read(disk)
    assert hashlib.sha256(disk.read_bytes()).digest() == before


def test_without_the_extra_a_disk_image_says_what_to_install(
    bare: Path, root: Path, read: Callable[[Path], Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    own = [
        f"xenproof.image.disk.{name}" for name in ("disk", "container", "qcow2", "filesystem", "ext", "xfs", "btrfs")
    ]
    for name in [name for name in sys.modules if name.startswith("dissect") or name in own]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dissect", None)
    with pytest.raises(SourceError, match=r"pip install 'xenproof\[image\]'"):
        read(bare)
    read(root)
