"""An image never decides which files of this machine are read: not by its qcow2, not by links or devices in it."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import pytest

from selftest.images.disks import debugfs, make_ext4
from selftest.images.hostile_ext import make_plain_ext, set_extents
from selftest.images.hostile_qcow2 import BACKING_FORMAT, DATA_FILE_NAME, clusters_of, make_qcow2
from selftest.images.root import PROFILE, make_root
from xenproof.errors import SourceError
from xenproof.facts.texts import TEXTS
from xenproof.image.source import read_image
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

REPOSITORY = Path(__file__).parents[3]
CANARY = "canary-7d1f: what only this machine knows"
LEAK = "/etc/logrotate.d/leak"
SECTOR_BITS = 9
LEFT_OUT = frozenset({0, 1})  # sectors: the first block of the file system, which holds nothing of its own


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE, "utf-8")
    return load_profile(str(path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the images lie."""
    (folder := tmp_path / "images").mkdir()
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of this machine that no image may read."""
    (tmp_path / "outside").mkdir()
    (path := tmp_path / "outside/secret").write_text(f"{CANARY}\n" * 12, "utf-8")
    return path


@pytest.fixture
def leaking(folder: Path) -> Callable[..., Path]:
    """An image with a file whose only block is one that the qcow2 leaves to its backing file."""
    root = make_root(folder)
    (root / LEAK.lstrip("/")).write_text("x" * 400, "utf-8")
    disk = make_plain_ext(folder / "disk.img", root, "4M")
    set_extents(disk, LEAK, [(0, 1, 0)])
    data = disk.read_bytes()

    def make(name: str, extensions: list[tuple[int, bytes]] | None = None, version: int = 3, features: int = 0) -> Path:
        return make_qcow2(
            folder / "leak.qcow2",
            clusters=clusters_of(data, SECTOR_BITS, LEFT_OUT),
            cluster_bits=SECTOR_BITS,
            size=len(data),
            backing=name,
            extensions=extensions or [],
            version=version,
            features=features,
        )

    return make


def read(image: Path, profile: Profile, *backing: Path) -> Recording:
    return read_image(f"image://{image}", image, profile, backing)


def kept(recording: Recording) -> str:
    return "".join(output.text for output in recording.outputs.values())


@pytest.mark.parametrize("version", [2, 3])
def test_a_backing_file_that_the_user_names_is_read(
    leaking: Callable[..., Path], folder: Path, profile: Profile, version: int
) -> None:
    """The same image that leaks: what is in the backing file does come out, where that is wanted."""
    (base := folder / "base.raw").write_text(f"{CANARY}\n" * 12, "utf-8")
    recording = read(leaking("base.raw", version=version), profile, base)
    assert TEXTS.of(recording, profile).of(LEAK)[0] == CANARY
    # However the user names it.
    (folder / "link").symlink_to("base.raw")
    assert CANARY in kept(read(leaking("base.raw", version=version), profile, folder / "../images/link"))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("{secret}", "only a name relative to the image is"),
        ("../outside/secret", "it leads out of the image's folder"),
        ("./x/.././../outside/secret", "it leads out of the image's folder"),
        ("link", "it leads to .*outside/secret, out of the image's folder"),
        ("links/secret", "it leads to .*outside/secret, out of the image's folder"),
        ("file:link", "names of protocols"),
        ("file:{secret}", "names of protocols"),
        ("nbd:localhost:10809", "names of protocols"),
        ("nbd+unix:///x?socket={secret}", "names of protocols"),
        ("http://localhost/x", "names of protocols"),
        ('json:{{"driver":"file","filename":"{secret}"}}', "names of protocols"),
        ("host_device:/dev/zero", "names of protocols"),
        ("/dev/zero", "only a name relative"),
        ("/proc/self/environ", "only a name relative"),
        ("zero", "it leads to /dev/zero, out of"),
        ("base.raw", r"an image must not choose .* allow it with --backing .*/images/base.raw"),
        ("linked", r"allow it with --backing .*/images/base.raw"),
        ("hard", r"allow it with --backing .*/images/hard"),
        ("none", "cannot read the image .*/none: No such file"),
        ("loop", "cannot read the image .*/loop: "),
        ("base.raw\0.qcow2", "it is no name of a file"),
        ("\x1b]0;x\x07", r"cannot read the image"),
        ("\udcff\udcfe", r"cannot read the image"),
        (".", r"allow it with --backing|out of the image's folder"),
    ],
)
def test_a_backing_file_that_the_user_did_not_name_is_refused(
    leaking: Callable[..., Path], folder: Path, secret: Path, profile: Profile, name: str, reason: str, version: int
) -> None:
    (folder / "base.raw").write_text(CANARY, "utf-8")
    (folder / "link").symlink_to(secret)
    (folder / "links").symlink_to(secret.parent)
    (folder / "linked").symlink_to("base.raw")
    os.link(secret, folder / "hard")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(SourceError, match=reason):
        read(leaking(name.format(secret=secret), version=version), profile)


@pytest.mark.parametrize("name", ["{secret}", "../outside/secret", "link", "links/secret", "file:{secret}"])
def test_naming_a_file_does_not_allow_what_leads_out_of_the_folder(
    leaking: Callable[..., Path], folder: Path, secret: Path, profile: Profile, name: str
) -> None:
    (folder / "link").symlink_to(secret)
    (folder / "links").symlink_to(secret.parent)
    with pytest.raises(SourceError, match="which is not read"):
        read(leaking(name.format(secret=secret)), profile, secret)


@pytest.mark.parametrize("sort", ["fifo", "socket", "folder"])
def test_a_backing_file_is_a_regular_file(
    leaking: Callable[..., Path], folder: Path, profile: Profile, sort: str
) -> None:
    """A FIFO would never be opened, however it is allowed."""
    with planted(folder / "special", sort), pytest.raises(SourceError, match="special: it is no regular file"):
        read(leaking("special"), profile, folder / "special")


@pytest.mark.parametrize("sort", ["fifo", "socket"])
def test_an_image_is_a_regular_file(folder: Path, profile: Profile, sort: str) -> None:
    with planted(folder / "special", sort), pytest.raises(SourceError, match="is neither a file nor a directory"):
        read(folder / "special", profile)


def planted(path: Path, sort: str) -> AbstractContextManager[object]:
    """Something at a path that is no regular file; what has to be closed for it."""
    if sort == "socket":
        # A socket's path is short, the folder's may not be.
        here, found = Path.cwd(), socket.socket(socket.AF_UNIX)
        os.chdir(path.parent)
        found.bind(path.name)
        os.chdir(here)
        return found
    if sort == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    return nullcontext()


def test_every_file_of_a_chain_has_to_be_named(leaking: Callable[..., Path], folder: Path, profile: Profile) -> None:
    (base := folder / "base.raw").write_text(CANARY.ljust(600), "utf-8")
    middle = make_qcow2(folder / "middle.qcow2", size=1 << 20, backing="base.raw")
    image = leaking("middle.qcow2", [(BACKING_FORMAT, b"qcow2")])
    assert CANARY in kept(read(image, profile, base, middle))
    with pytest.raises(SourceError, match=r"middle.qcow2 names the backing file 'base.raw', .* --backing .*/base.raw"):
        read(image, profile, middle)
    with pytest.raises(SourceError, match=r"leak.qcow2 names the backing file 'middle.qcow2'"):
        read(image, profile, base)
    with pytest.raises(SourceError, match=r"cannot read the image .*gone"):
        read(image, profile, base, middle, folder / "gone")


def test_a_backing_file_that_is_said_to_be_raw_is(
    leaking: Callable[..., Path], folder: Path, secret: Path, profile: Profile
) -> None:
    """A guest may have written a qcow2 header, with a name, to its raw disk."""
    make_qcow2(base := folder / "base", size=1 << 20, backing=str(secret))
    recording = read(leaking("base", [(BACKING_FORMAT, b"raw")]), profile, base)
    assert TEXTS.of(recording, profile).of(LEAK)[0].startswith("QFI")
    assert CANARY not in kept(recording)
    for extensions in ([], [(BACKING_FORMAT, b"qcow2")]):
        with pytest.raises(SourceError, match=r"base names the backing file '/.*secret', which is not read"):
            read(leaking("base", extensions), profile, base)


def test_a_backing_file_is_not_opened_as_another_qcow2_inside_of_it(
    leaking: Callable[..., Path], folder: Path, secret: Path, profile: Profile
) -> None:
    """The disk in the backing file begins as a qcow2: a library may look for that."""
    inner = make_qcow2(folder / "inner", size=1 << 20, backing=str(secret)).read_bytes()
    make_qcow2(base := folder / "base", size=1 << 20, clusters=clusters_of(inner, 16))
    recording = read(leaking("base"), profile, base)
    assert TEXTS.of(recording, profile).of(LEAK)[0].startswith("QFI")
    assert CANARY not in kept(recording)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"qcow2", "base is no qcow2 image, which the image that is based on it says"),
        (b"vmdk", "of the format 'vmdk', raw and qcow2 are read"),
        (b"x" * 300, "extension 0xe2792aca of its header has 300 bytes"),
    ],
)
def test_the_format_of_a_backing_file_is_held_against_it(
    leaking: Callable[..., Path], folder: Path, profile: Profile, written: bytes, message: str
) -> None:
    (base := folder / "base").write_text(CANARY, "utf-8")
    with pytest.raises(SourceError, match=message):
        read(leaking("base", [(BACKING_FORMAT, written)]), profile, base)


@pytest.mark.parametrize("name", ["", "data.raw", "/etc/shadow", "json:{}"])
def test_data_in_another_file_are_refused_by_name(
    leaking: Callable[..., Path], folder: Path, profile: Profile, name: str
) -> None:
    (folder / "data.raw").write_text(CANARY, "utf-8")
    extensions = [(DATA_FILE_NAME, name.encode())] if name else []
    with pytest.raises(SourceError, match=f"named '{name}'" if name else "which it does not name"):
        read(leaking("", extensions, features=4), profile, folder / "data.raw")


# Where the link is, and where it leads: {secret} is outside, {out} is the way there from the root directory.
LINKS = {
    "etc/logrotate.d/absolute": "{secret}",
    "etc/logrotate.d/twice": "//{secret}",
    "etc/logrotate.d/relative": "../../{out}",
    "etc/logrotate.d/far": "../../../../../../../../../../../../{secret}",
    "etc/logrotate.d/dots": "./././.././../{out}",
    "etc/logrotate.d/chain": "chain2",
    "etc/logrotate.d/chain2": "/etc/logrotate.d/absolute",
    "etc/logrotate.d/through": "/etc/outside/secret",
    "etc/outside": "{folder}",
    "etc/logrotate.d/self": "self",
    "etc/logrotate.d/there": "back",
    "etc/logrotate.d/back": "there",
    "etc/logrotate.d/proc": "/proc/self/root{secret}",
    "etc/logrotate.d/cwd": "/proc/self/cwd/{secret}",
    "etc/logrotate.d/environment": "/proc/self/environ",
    "etc/logrotate.d/fd": "/dev/fd/0",
    "etc/logrotate.d/stdin": "/dev/stdin",
    "etc/logrotate.d/zero": "/dev/zero",
    "etc/logrotate.d/long": "../" * 900 + "{secret}",
    "etc/logrotate.d/slash": "{secret}/",
    "etc/logrotate.d/below": "{secret}/x",
    "etc/default/grub.d": "{folder}",
    "boot/grub": "../{out_folder}",
    "etc/xen/xl.conf": "{secret}",
    "etc/os-release": "{secret}",
    "etc/passwd": "../{out}",
    "etc/fstab": "{secret}",
    "var/lib/dpkg/status-old": "{secret}",
    "var/log/xen/hotplug.log": "{secret}",
    "usr/lib/systemd/system/on.service": "{secret}",
}


def plant(root: Path, secret: Path) -> None:
    """Links of every sort into a root directory, and what is no file."""
    out = os.path.relpath(secret, root)
    words = {"secret": secret, "folder": secret.parent, "out": out, "out_folder": out.rpartition("/")[0]}
    for name, target in LINKS.items():
        path = root / name
        if path.is_dir():
            path.rename(root / f"{name}.was")
        path.unlink(missing_ok=True)
        path.symlink_to(target.format(**words))
    os.mkfifo(root / "etc/logrotate.d/fifo")
    with suppress(PermissionError):  # an ordinary user makes none
        os.mknod(root / "etc/logrotate.d/device", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
        os.mknod(root / "etc/logrotate.d/disk", 0o600 | stat.S_IFBLK, os.makedev(7, 0))


@pytest.mark.parametrize("kind", ["folder", "ext4"])
def test_no_link_and_no_device_leads_out_of_a_tree(folder: Path, secret: Path, profile: Profile, kind: str) -> None:
    (secret.parent / "grub.cfg").write_text(CANARY, "utf-8")
    (secret.parent / "leak.cfg").write_text(CANARY, "utf-8")
    root = make_root(folder)
    plant(root, secret)
    if kind == "folder":
        with planted(root / "etc/logrotate.d/socket", "socket"):
            recording = read(root, profile)
    else:
        recording = read(make_ext4(folder / "disk.img", root, "-b", "4096"), profile)
    assert CANARY not in recording.to_json()
    assert CANARY not in kept(recording)
    # What leads nowhere is told as missing, and what is inside of the image is still read.
    assert "Package" not in kept(recording)
    assert "/etc/logrotate.d/xen:/var/log/xen/*.log {" in kept(recording)
    assert len([name for name in LINKS if name.startswith("etc/logrotate.d/")]) >= 14


@pytest.mark.parametrize("leads_to", ["/proc/self/environ", "/run/x", "/dev/stdin", "/sys/x", "../run/os-release"])
@pytest.mark.parametrize(
    "name", ["etc/os-release", "etc/passwd", "etc/group", "usr/local", "lib/modules", "boot/grub", "etc/default/grub"]
)
def test_an_image_is_judged_without_what_leads_out_of_it(
    folder: Path, profile: Profile, name: str, leads_to: str
) -> None:
    """What only the report tells, or one family asks for, does not block the others."""
    root = make_root(folder)
    path = root / name.replace("lib/", "usr/lib/")
    if path.is_dir():
        path.rename(root / "away")
    path.unlink(missing_ok=True)
    path.symlink_to(leads_to)
    recording = read(root, profile)
    assert "xen-utils-4.17" in kept(recording)
    assert "xl /sbin/xl" in kept(recording) or "xl /usr/sbin/xl" in kept(recording)


def test_a_database_that_leads_out_of_the_image_blocks_only_what_is_in_it(folder: Path, profile: Profile) -> None:
    root = make_root(folder)
    (root / "var/lib/dpkg").rename(root / "away")
    (root / "var/lib/dpkg").symlink_to("/run/dpkg")
    recording = read(root, profile)
    assert "@@packages unknowable an image has no /run" in kept(recording)
    assert "/etc/logrotate.d/xen:/var/log/xen/*.log {" in kept(recording)


def test_a_system_without_a_place_for_its_own_name_has_none(folder: Path, profile: Profile) -> None:
    (root := make_root(folder)).joinpath("etc/os-release").unlink()
    (root / "etc/os-release").mkdir()
    assert "\nsystem \n" in kept(read(root, profile))


def test_packing_a_link_as_the_file_system_does(folder: Path, secret: Path, profile: Profile) -> None:
    """A link whose text is in a block of its own, not in the inode, leads nowhere else."""
    root = make_root(folder)
    (root / "etc/logrotate.d/far").symlink_to("../" * 60 + str(secret).lstrip("/"))
    disk = make_ext4(folder / "disk.img", root)
    assert "Fast link" not in debugfs(disk, "stat /etc/logrotate.d/far")
    assert CANARY not in kept(read(disk, profile))


@pytest.mark.parametrize("way", ["record", "pytest"])
def test_the_option_allows_a_backing_file(leaking: Callable[..., Path], folder: Path, way: str) -> None:
    (base := folder / "base.raw").write_text(f"{CANARY}\n" * 12, "utf-8")
    (profile := folder / "small.yaml").write_text(PROFILE, "utf-8")
    kept, report = folder / "host.json", folder / "report"
    options = [f"--hosts=image://{leaking('base.raw')}", f"--profile={profile}"]
    commands = {
        "record": ["-m", "xenproof.cli", "record", *options, "--output", str(kept)],
        "pytest": ["-m", "pytest", "-q", *options, f"--report={report}", f"--record={kept}", "tests/host"],
    }

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *commands[way], *more]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)

    refused = run()
    assert refused.returncode == 6, refused
    assert f"allow it with --backing {base}" in " ".join((refused.stdout + refused.stderr).split())
    # What the small root directory is held against, it does not have all of.
    allowed = run(f"--backing={base}")
    assert allowed.returncode in (0, 1), allowed
    assert CANARY in "".join(output.text for output in Recording.read(kept).outputs.values())
