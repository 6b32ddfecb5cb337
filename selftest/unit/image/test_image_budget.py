"""What the reading of one image may take: its time, what it keeps, and what libraries unpack or follow for it."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.images.hostile_ext import make_plain_ext
from selftest.images.memory import directory
from selftest.images.root import PROFILE, make_root
from xenproof.errors import NotEvaluable, ParseError, SourceError
from xenproof.image.budget import Budget
from xenproof.image.disk.disk_bytes import MOST_AT_ONCE, Bytes
from xenproof.image.disk.ext_blocks import FileBlocks
from xenproof.image.disk.ext_journal import replayed
from xenproof.image.disk.kept_nodes import KeptNodes
from xenproof.image.folder import FolderNode
from xenproof.image.fstab import read_fstab
from xenproof.image.limited import limited
from xenproof.image.regular import open_regular
from xenproof.image.rpm.header import check_length
from xenproof.image.source import read_image
from xenproof.image.tree import Tree
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile

library_stream = pytest.importorskip("dissect.btrfs.stream")
INTEGRITY = """
  integrity:
    defaults: {req: [S14], source: the test, status: documented}
    big: {changed: []}
"""
MIB = 1 << 20


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    path = tmp_path / "small.yaml"
    path.write_text(PROFILE, "utf-8")
    return load_profile(str(path))


class Clock:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_after_its_time_every_read_says_so() -> None:
    stream = Bytes(io.BytesIO(bytes(100)), 100, "the disk", whole=True, budget=Budget(2, clock=Clock()))
    above = Bytes(stream, 100, "a piece of it", whole=True)  # type: ignore[arg-type]  # a stream
    assert len(stream.read(10)) == 10
    for _ in range(3):
        with pytest.raises(SourceError, match="reading this image did not end within 2 s"):
            above.read(10)


@pytest.mark.parametrize("kind", ["folder", "disk"])
def test_an_image_that_takes_too_long_says_so_at_what_was_not_read(tmp_path: Path, profile: Profile, kind: str) -> None:
    root = make_root(tmp_path)
    image = root if kind == "folder" else make_plain_ext(tmp_path / "disk.img", root)
    with pytest.raises(SourceError, match="reading this image did not end within 0 s"):
        read_image("image://x", image, profile, limit_s=0)


def test_a_file_that_takes_for_ever_leaves_what_was_read_before(tmp_path: Path) -> None:
    """A package's file may be a hole of terabytes, which has to be read to its end for its checksum."""
    (path := tmp_path / "small.yaml").write_text(PROFILE + INTEGRITY.strip("\n") + "\n", "utf-8")
    root = make_root(tmp_path)
    status = root / "var/lib/dpkg/status"
    status.write_text(status.read_text() + "\nPackage: big\nStatus: install ok installed\nVersion: 1\n", "utf-8")
    (root / "var/lib/dpkg/info").mkdir()
    (root / "var/lib/dpkg/info/big.md5sums").write_text(f"{'0' * 32}  usr/big\n", "utf-8")
    with (root / "usr/big").open("wb") as out:
        out.truncate(8 << 40)
    recording = read_image("image://x", root, load_profile(str(path)), limit_s=2)
    text = "".join(output.text for output in recording.outputs.values())
    assert "ii \txen-utils-4.17" in text
    assert "reading this image did not end within 2 s" in text
    assert "@@integrity 125" in text


def test_counts_are_of_the_whole_image_and_what_does_not_fit_is_not_noted() -> None:
    budget = Budget()
    budget.take("things", 9, 10)
    with pytest.raises(SourceError, match="more than 10 things"):
        budget.take("things", 2, 10)
    budget.take("things", 1, 10)
    budget.take("others", 10, 10)


def test_no_more_is_read_at_once_than_the_largest_table() -> None:
    stream = Bytes(io.BytesIO(), 1 << 60, "the disk", whole=False)
    tracemalloc.start()
    for length in (MOST_AT_ONCE + 1, 1 << 40, -1):
        with pytest.raises(SourceError, match="bytes are to be read at once"):
            stream.read(length)
    assert tracemalloc.get_traced_memory()[1] < MIB
    tracemalloc.stop()


def test_of_directories_and_files_only_the_latest_are_kept() -> None:
    kept, reads = KeptNodes(most_names=10, most_nodes=2), list[str]()

    def names(name: str) -> Callable[[], dict[str, object]]:
        def read() -> dict[str, object]:
            reads.append(name)
            return dict.fromkeys("abcd")

        return read

    for name in "xyxzxyz":
        assert set(kept.names(name, names(name))) == set("abcd")
    assert reads == ["x", "y", "z", "y", "z"]
    one, other, third = directory(), directory(), directory()
    assert kept.node("x", "one", lambda: one) is one
    assert kept.node("x", "other", lambda: other) is other
    assert kept.node("x", "one", lambda: None) is one
    assert kept.node("y", "one", lambda: third) is third
    assert kept.node("x", "other", lambda: None) is None


def journal(block_size: int, first: bytes) -> Callable[[int, int], bytes]:
    """A journal of 2^32 blocks, each of which is the same."""
    head = struct.pack(">III", 0xC03B3998, 4, 0) + struct.pack(">IIIII4xII", block_size, 0xFFFFFFFF, 1, 1, 1, 0, 0)

    def read(start: int, length: int) -> bytes:
        return (head if not start else first).ljust(length, b"\0")

    return read


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (1, struct.pack(">IHH", 7, 0, 2) * 8190),  # blocks that are replaced, without an end of the list
        (5, struct.pack(">I", 65536) + struct.pack(">I", 7) * 16000),  # blocks that are revoked
    ],
)
def test_a_journal_without_end_ends(kind: int, rest: bytes) -> None:
    source = Bytes(io.BytesIO(bytes(MIB)), MIB, "the disk", whole=True)
    block = struct.pack(">III", 0xC03B3998, kind, 1) + rest
    with pytest.raises(SourceError, match="more than 300,000 blocks in journals that were not replayed"):
        replayed(source, journal(65536, block), "the image")


def test_a_journal_is_gone_round_once() -> None:
    """Records of one transaction, none of which ends it, up to the end of the log and on from its begin."""
    reads = list[int]()
    head = struct.pack(">III", 0xC03B3998, 4, 0) + struct.pack(">IIIII4xII", 1024, 50, 1, 1, 1, 0, 0)

    def read(start: int, length: int) -> bytes:
        reads.append(start)
        return (struct.pack(">III", 0xC03B3998, 5, 1) + struct.pack(">I", 16) if start else head).ljust(length, b"\0")

    replayed(Bytes(io.BytesIO(bytes(MIB)), MIB, "the disk", whole=True), read, "the image")
    assert len(reads) < 60


@pytest.mark.parametrize("compression", [1, 3])
def test_what_an_extent_of_btrfs_unpacks_to_is_bounded(compression: int) -> None:
    import xenproof.image.disk.btrfs_bounds

    assert xenproof.image.disk.btrfs_bounds
    bomb = bytes(64 * MIB)
    packed = zlib.compress(bomb, 9) if compression == 1 else library_stream.zstd.compress(bomb)
    tracemalloc.start()
    assert len(library_stream.decode_extent(packed[: 100 << 10], compression, 0, 4096)) <= 128 << 10
    assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    tracemalloc.stop()
    with pytest.raises(ValueError, match="a compressed extent of"):
        library_stream.decode_extent(bytes(200 << 10), compression, 0, 4096)


@pytest.mark.parametrize("size", [0, 1, 5000, 128 << 10])
def test_an_extent_of_btrfs_unpacks_to_what_was_packed(size: int) -> None:
    data = bytes(at % 251 for at in range(size))
    for compression, packed in ((0, data), (1, zlib.compress(data)), (3, library_stream.zstd.compress(data))):
        # As they lie on the disk: zeros follow up to the next sector.
        found = library_stream.decode_extent(
            memoryview(packed + bytes(100 if compression else 0)), compression, 0, 4096
        )
        assert bytes(found) == data


def test_a_file_of_many_pieces_is_read(tmp_path: Path, profile: Profile) -> None:
    """By extents on more than one level, and by blocks of pointers on three."""
    root = make_root(tmp_path)
    lines = "".join(f"{at:07}\n" for at in range(90_000))
    (root / "etc/logrotate.d/long").write_text(lines, "utf-8")
    with (root / "etc/logrotate.d/holes").open("wb") as out:
        for at in range(0, 700 * 2048, 4096):
            out.seek(at)
            out.write(f"{at:08}\n".encode())
    want = f"/etc/logrotate.d/long:{lines.replace(chr(10), f'{chr(10)}/etc/logrotate.d/long:')}"
    holes = [f"{at:08}" for at in range(0, 700 * 2048, 4096)]
    for extents in (True, False):
        image = make_plain_ext(tmp_path / "disk.img", root, extents=extents)
        text = "".join(output.text for output in read_image("image://x", image, profile).outputs.values())
        assert want[:-30] in text
        assert all(f"{one}\n" in text for one in holes)
        image.unlink()


def test_pointers_lead_as_far_as_they_reach() -> None:
    """One block of pointers for all: what is asked for is read, and no more."""
    reads = list[int]()

    def read(number: int) -> bytes:
        reads.append(number)
        return struct.pack("<256I", *[9] * 256)

    blocks = FileBlocks(struct.pack("<15I", *range(1, 16)), 1024, read, extents=False)
    assert [run[0] for run in blocks.runs(10, 15)] == [10, 11, 12, 13, 14]
    assert [run[2] for run in blocks.runs(10, 14)] == [11, 12, 9, 9]
    reads.clear()
    last = 12 + 256 + 256**2 + 256**3
    assert [run[0] for run in blocks.runs(last - 2, last + 9)] == [last - 2, last - 1]
    assert len(reads) == 3
    assert list(blocks.runs(1 << 52, (1 << 52) + 64)) == []


def test_an_fstab_has_no_more_entries_than_are_read(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    tree = Tree(FolderNode(tmp_path))
    for count in (1000, 1001):
        (tmp_path / "etc/fstab").write_text("UUID=1 /a ext4\n" * count, "utf-8")
        if count > 1000:
            with pytest.raises(NotEvaluable, match="/etc/fstab has more than 1000 entries"):
                read_fstab(tree)
        else:
            assert len(read_fstab(tree)) == count


def test_a_folder_has_no_more_names_than_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xenproof.image.folder._MOST_NAMES", 20)
    for at in range(20):
        (tmp_path / str(at)).touch()
    assert len(FolderNode(tmp_path).names()) == 20
    (tmp_path / "20").touch()
    with pytest.raises(SourceError, match="has more than 20 names"):
        FolderNode(tmp_path).names()


def test_text_is_bounded_while_it_is_made() -> None:
    assert list(limited(["a", "bc"], "the lines", 5)) == ["a", "bc"]
    found = limited(iter(lambda: "x", ""), "the lines", 5)
    with pytest.raises(NotEvaluable, match="the lines make more than the 5 letters that are kept"):
        list(found)


def test_a_long_header_is_refused_before_it_is_read() -> None:
    check_length(1, 1000)
    with pytest.raises(ParseError, match="expected 33554432 or fewer"):
        check_length(1, 1 << 26)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    from contextlib import ExitStack

    (tmp_path / "link").symlink_to("file")
    (tmp_path / "file").write_text("x", "utf-8")
    with ExitStack() as files:
        assert open_regular(tmp_path / "link", files, follow=True).read() == b"x"
        for path, follow in ((tmp_path / "link", False), (tmp_path, True), (Path("/dev/zero"), True)):
            with pytest.raises(SourceError, match="it is no regular file"):
                open_regular(path, files, follow=follow)
