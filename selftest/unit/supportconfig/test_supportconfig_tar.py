"""Archives whose headers lie, and archives that lost their last bytes: one clear error, and never silently good."""

import os
import socket
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from selftest.supportconfigs.host import FOLDER, files, write_archive
from selftest.supportconfigs.hostile import COMPRESS, header, host, padded, write
from xenproof.errors import SourceError
from xenproof.profile.load import load_profile
from xenproof.supportconfig import archive
from xenproof.supportconfig.archive import read_files
from xenproof.supportconfig.source import read_supportconfig

PROFILE = load_profile("sles12")
KINDS = ["", "gz", "bz2", "xz"]


def wanted(name: str) -> bool:
    return name in ("rpm.txt", "xen.txt")


def small(name: str = f"{FOLDER}/rpm.txt", data: bytes = b"rpm\n") -> bytes:
    return header(name, len(data)) + padded(data)


def pax(*records: tuple[str, str], kind: bytes = tarfile.XHDTYPE) -> bytes:
    """An extended header with these records."""
    data = b""
    for key, value in records:
        rest = f" {key}={value}\n".encode()
        length = next(n for n in range(len(rest), len(rest) + 8) if len(str(n)) + len(rest) == n)
        data += str(length).encode() + rest
    return header("././@PaxHeader", len(data), kind) + padded(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost", [1, 4, 8, 12, 100])
def test_an_archive_that_lost_its_last_bytes_is_told(tmp_path: Path, kind: str, lost: int) -> None:
    path = write_archive(tmp_path / "a", files(), kind)
    data = path.read_bytes()
    read_supportconfig("supportconfig://x", path, PROFILE)
    path.write_bytes(data[:-lost])
    with pytest.raises(SourceError, match=r"cut off|too early") as caught:
        read_supportconfig("supportconfig://x", path, PROFILE)
    assert str(path) in str(caught.value)
    assert "was it copied as a whole" in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.floats(0, 1))
def test_wherever_it_was_cut_it_is_told(tmp_path_factory: pytest.TempPathFactory, kind: str, share: float) -> None:
    path = write_archive(tmp_path_factory.mktemp("cut") / "a", {"rpm.txt": "rpm\n", "xen.txt": "xen\n" * 3000}, kind)
    data = path.read_bytes()
    # What pads a plain archive after its end is no part of it, as long as whole blocks of it are gone.
    end = data.rstrip(b"\0") if not kind else data[:-1]
    path.write_bytes(data[: int(len(end) * share)])
    with pytest.raises(SourceError):
        read_files(path, wanted)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_checksum_that_is_wrong_is_told(tmp_path: Path, kind: str) -> None:
    path = write_archive(tmp_path / "a", files(), kind)
    data = bytearray(path.read_bytes())
    data[-6 if kind != "xz" else -10] ^= 1
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot read the supportconfig"):
        read_files(path, wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("end", "words"),
    [
        (b"", r"the archive is cut off"),
        (bytes(512), r"the archive is cut off"),
        (bytes(512) + small("x"), r"one empty block where two end an archive"),
        (bytes(1024 + 511), r"its last block has 511 bytes, expected 512"),
    ],
)
def test_two_empty_blocks_end_an_archive(tmp_path: Path, kind: str, end: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read_files(write(tmp_path / "a", kind, [(small(), 1)], end), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_the_end_is_read_but_is_nothing(tmp_path: Path, kind: str) -> None:
    end = bytes(1024) + small(f"{FOLDER}/xen.txt") + bytes(10240)
    assert read_files(write(tmp_path / "a", kind, [(small(), 1)], end), wanted) == {"rpm.txt": b"rpm\n"}


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_compressed_file_of_many_streams_is_one(tmp_path: Path, kind: str) -> None:
    data = small() + bytes(1024)
    path = tmp_path / "a"
    path.write_bytes(b"".join(COMPRESS[kind](data[at : at + 100]) for at in range(0, len(data), 100)) + bytes(512))
    assert read_files(path, wanted) == {"rpm.txt": b"rpm\n"}
    path.write_bytes(path.read_bytes() + b"something else")
    with pytest.raises(SourceError, match="cannot read the supportconfig"):
        read_files(path, wanted)


def test_a_name_of_gzip_without_end_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a"
    # The flag 8 says that a name follows, which a zero byte ends.
    path.write_bytes(b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * (64 << 20))
    with pytest.raises(SourceError, match="too early"):
        read_files(path, wanted)


def sized(field: bytes) -> bytes:
    """A header whose size is written in that way, with the checksum that is right for it."""
    block = bytearray(header(f"{FOLDER}/rpm.txt", 0))
    block[124:136] = field
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


SIZES = {
    "base 256": b"\x80" + bytes(10) + b"\x04",
    "base 256 huge": b"\x80" + b"\xff" * 11,
    "base 256 above all": b"\x80" + bytes(3) + b"\x7f" * 8,
    "base 256 negative": b"\xff" * 12,
    "base 256 most negative": b"\xff" + bytes(11),
    "spaces": b" " * 12,
    "letters": b"zzzzzzzzzzz\0",
    "signed": b"-0000000010\0",
    "no end": b"7" * 12,
}


@pytest.mark.parametrize("name", SIZES)
def test_a_size_in_any_form_is_a_size_or_an_error(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a", "", [(sized(SIZES[name]), 1), (padded(b"rpm\n"), 1)])
    if name == "base 256":
        assert read_files(path, wanted) == {"rpm.txt": b"rpm\n"}
        return
    try:
        assert read_files(path, wanted) == {"rpm.txt": b""}
    except SourceError as error:
        assert str(path) in str(error)  # noqa: PT017  # either is right, nothing else is


def test_a_size_beyond_all_bounds_is_an_error_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(header("x/other.bin", 5 << 30) + bytes(1 << 20))
    with pytest.raises(SourceError, match="unpacks to more than"):
        read_files(path, wanted)


def test_a_name_in_an_extended_header_counts(tmp_path: Path) -> None:
    data = pax(("path", f"{'d' * 120}/rpm.txt"), ("mtime", "1.5")) + small("cut.txt")
    assert read_files(write(tmp_path / "a", "", [(data, 1)]), wanted) == {"rpm.txt": b"rpm\n"}
    data = pax(("path", f"{FOLDER}/other.txt")) + small() + small(f"{FOLDER}/xen.txt")
    assert read_files(write(tmp_path / "b", "", [(data, 1)]), wanted) == {"xen.txt": b"rpm\n"}


HEADERS = {
    "size": pax(("size", "4")),
    "a size of thousands of digits": pax(("size", "9" * 5000)),
    "sparse": pax(("GNU.sparse.major", "1")),
    "a name of all": pax(("path", f"{FOLDER}/rpm.txt"), kind=tarfile.XGLTYPE),
    "a size of all": pax(("size", "4"), kind=tarfile.XGLTYPE),
    "no record": header("x", 4, tarfile.XHDTYPE) + padded(b"abcd"),
    "a length of zero": header("x", 8, tarfile.XHDTYPE) + padded(b"0 a=bcd\n"),
    "a long length": header("x", 60, tarfile.XHDTYPE) + padded(b"9" * 50 + b" path=a\n\n"),
    "a length beyond": header("x", 9, tarfile.XHDTYPE) + padded(b"99 a=bcd\n"),
    "much": header("x", 1 << 20, tarfile.XHDTYPE) + bytes(1 << 20),
    "a long link": header("x", 1 << 20, tarfile.GNUTYPE_LONGLINK) + bytes(1 << 20),
    "a sparse member": header(f"{FOLDER}/rpm.txt", 0, tarfile.GNUTYPE_SPARSE),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_makes_a_member_another_one_is_an_error(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a", "", [(HEADERS[name] + small(), 1)])
    with pytest.raises(SourceError, match=r"extended header|is damaged|sparse") as caught:
        read_files(path, wanted)
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (b"x/rpm.txt\0/../other", {"rpm.txt": b"rpm\n"}),
        (b"x/\x1b]52;c;x\x07rpm.txt", {}),
        (b"x/rpm.txt\n", {}),
        (b"x/\xff\xferpm.txt", {}),
        (b"./rpm.txt", {"rpm.txt": b"rpm\n"}),
        (b"a/b/rpm.txt", {}),
        (b"", {}),
    ],
)
def test_a_name_is_what_comes_before_its_end(tmp_path: Path, name: bytes, found: dict[str, bytes]) -> None:
    data = header("././@LongLink", len(name) + 1, tarfile.GNUTYPE_LONGNAME) + padded(name + b"\0") + small("other")
    assert read_files(write(tmp_path / "a", "", [(data, 1)]), wanted) == found


def test_a_name_in_a_message_is_printable(tmp_path: Path) -> None:
    data = header("x\x1b]52;c;x\x07", 5000, tarfile.GNUTYPE_LONGNAME)
    (path := tmp_path / "a").write_bytes(data + bytes(8192))
    with pytest.raises(SourceError, match="is damaged") as caught:
        read_files(path, wanted)
    assert str(caught.value).isprintable()


def test_texts_that_are_large_together_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_KEPT_BYTES", 6)
    both = small() + small(f"{FOLDER}/xen.txt")
    (folder := tmp_path / "folder").mkdir()
    for name in ("rpm.txt", "xen.txt"):
        (folder / name).write_text("rpm\n")
    for path in (write(tmp_path / "a", "", [(both, 1)]), folder):
        with pytest.raises(SourceError, match=r"larger than 0 MiB together, of which xen\.txt is one"):
            read_files(path, wanted)


def test_a_directory_with_very_many_files_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 100)
    for number in range(101):
        (tmp_path / f"x{number}").touch()
    with pytest.raises(SourceError, match="has more than 100 entries, so it is no supportconfig"):
        read_files(tmp_path, wanted)


def test_a_directory_holds_nothing_but_regular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rpm.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # such an address is a short one
        try:
            listener.bind("xen.txt")
        finally:
            os.chdir(here)
        assert read_files(tmp_path, wanted) == {}
    (tmp_path / "rpm.txt").unlink()
    (tmp_path / "rpm.txt").mkdir()
    (tmp_path / "xen.txt").unlink()
    (tmp_path / "xen.txt").symlink_to("/dev/zero")
    assert read_files(tmp_path, wanted) == {}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=12), st.sampled_from(KINDS))
@example([], "")
def test_a_damaged_supportconfig_is_never_more_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], kind: str
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "a", kind, [(host(), 1)])
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path.write_bytes(data)
    try:
        read_supportconfig("supportconfig://x", path, PROFILE)
    except SourceError as error:
        assert len(str(error)) < 4100  # noqa: PT017  # either is right, nothing else is


def test_a_header_of_pax_is_written_right_here() -> None:
    assert pax(("path", "rpm.txt"))[512:].rstrip(b"\0") == b"16 path=rpm.txt\n"
