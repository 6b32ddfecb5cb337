"""Whatever bytes of an image change: it is read, or refused by an error of ours, in bounded time."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selftest.images.disks import call, make_disk
from selftest.images.hostile_ext import make_plain_ext
from selftest.images.root import PROFILE, make_root
from xenproof.errors import SourceError, XenproofError
from xenproof.image.source import read_image
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile

LIMIT_S = 10.0
# What it takes beyond its limit: one read, and what is done with it.
MOST_S = 3 * LIMIT_S
SEED = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 63),
        st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def profile(folder: Path) -> Profile:
    path = folder / "small.yaml"
    path.write_text(PROFILE, "utf-8")
    return load_profile(str(path))


def in_qcow2(folder: Path) -> Path:
    """A qcow2 of a disk with an ext4, in small clusters: about a tenth of it is tables."""
    bare = make_plain_ext(folder / "bare.img", make_root(folder), "2M")
    disk = make_disk(folder / "disk.img", [bare])
    call("qemu-img", "convert", "-O", "qcow2", "-o", "cluster_size=512", str(disk), str(folder / "disk.qcow2"))
    return folder / "disk.qcow2"


def packed(folder: Path) -> Path:
    """The same, compressed."""
    disk = in_qcow2(folder)
    call("qemu-img", "convert", "-c", "-O", "qcow2", str(disk), str(folder / "packed.qcow2"))
    return folder / "packed.qcow2"


def with_pointers(folder: Path) -> Path:
    """A file system without extents."""
    return make_plain_ext(folder / "old.img", make_root(folder), "2M", extents=False)


def in_btrfs(folder: Path) -> Path:
    """A btrfs."""
    with (folder / "btrfs.img").open("wb") as out:
        out.truncate(128 << 20)
    call("mkfs.btrfs", "-q", "--rootdir", str(make_root(folder)), str(folder / "btrfs.img"))
    return folder / "btrfs.img"


@pytest.fixture(scope="module", params=[in_qcow2, packed, with_pointers, in_btrfs], ids=lambda make: make.__name__)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    make: Callable[[Path], Path] = request.param
    return make(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def used(image: Path) -> list[int]:
    """Where anything is, in pieces of 64 bytes: most of an image is zeros."""
    good = image.read_bytes()
    return [at for at in range(0, len(good), 64) if good[at : at + 64].strip(b"\0")]


@SEED
@given(CHANGES)
def test_any_change_is_read_or_refused(
    image: Path, used: list[int], profile: Profile, changes: list[tuple[float, int, int]]
) -> None:
    before: list[tuple[int, bytes]] = []
    with image.open("r+b") as file:
        for share, offset, value in changes:
            at = used[int(share * len(used))] + offset
            file.seek(at)
            before.append((at, file.read(1)))
            file.seek(at)
            file.write(bytes([value]))
    began = time.monotonic()
    try:
        read_image(f"image://{image}", image, profile, limit_s=LIMIT_S)
    except XenproofError:
        pass
    finally:
        with image.open("r+b") as file:
            for at, old in reversed(before):
                file.seek(at)
                file.write(old)
    assert time.monotonic() - began < MOST_S


@SEED
@given(st.integers(0, 119), st.integers(0, 255))
def test_any_change_of_the_header_is_read_or_refused(folder: Path, profile: Profile, at: int, value: int) -> None:
    image = folder / "header.qcow2"
    if not image.exists():
        image.write_bytes(in_qcow2(folder).read_bytes())
    good = image.read_bytes()
    changed = folder / "changed.qcow2"
    changed.write_bytes(good[:at] + bytes([value]) + good[at + 1 :])
    began = time.monotonic()
    with suppress(SourceError):
        read_image(f"image://{changed}", changed, profile, limit_s=LIMIT_S)
    assert time.monotonic() - began < MOST_S
