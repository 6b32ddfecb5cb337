"""Supportconfig archives are hostile until proved otherwise: bounded, never unpacked, one clear error."""

import io
import lzma
import os
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.supportconfigs.host import FOLDER, files, write_archive, write_folder
from xenproof.errors import SourceError
from xenproof.profile.load import load_profile
from xenproof.supportconfig import archive
from xenproof.supportconfig.archive import read_files
from xenproof.supportconfig.source import read_supportconfig

PROFILE = load_profile("sles12")
TEXTS = {"rpm.txt": "rpm\n", "xen.txt": "xen\n"}
FOUND = {name: text.encode() for name, text in TEXTS.items()}


def wanted(name: str) -> bool:
    return name in TEXTS


def members(path: Path, *rows: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as out:
        for member, data in rows:
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz"])
def test_the_wanted_files_are_read(tmp_path: Path, kind: str) -> None:
    texts = {**TEXTS, "other.txt": "x" * 100_000, "messages.txt": ""}
    assert read_files(write_archive(tmp_path / "a", texts, kind), wanted) == FOUND
    assert read_files(write_archive(tmp_path / "b", texts, kind, folder="."), wanted) == FOUND


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_each_form_of_tar_is_read(tmp_path: Path, form: int) -> None:
    long = f"{FOLDER}/{'d' * 90}/{'n' * 90}.txt"
    rows = [(member(long), b"long"), *((member(f"{FOLDER}/{name}"), data) for name, data in FOUND.items())]
    assert read_files(members(tmp_path / "a.tar", *rows, form=form), wanted) == FOUND


def test_a_directory_is_read_but_not_through_links(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "folder", TEXTS)
    assert read_files(folder, wanted) == FOUND
    (tmp_path / "secret").write_text("secret", "utf-8")
    (folder / "rpm.txt").unlink()
    (folder / "rpm.txt").symlink_to(tmp_path / "secret")
    (folder / "xen.txt").unlink()
    os.mkfifo(folder / "xen.txt")
    assert read_files(folder, wanted) == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../rpm.txt", tarfile.REGTYPE),
        ("/etc/rpm.txt", tarfile.REGTYPE),
        (f"{FOLDER}/../../rpm.txt", tarfile.REGTYPE),
        (f"{FOLDER}/rpm.txt", tarfile.SYMTYPE),
        (f"{FOLDER}/rpm.txt", tarfile.LNKTYPE),
        (f"{FOLDER}/rpm.txt", tarfile.FIFOTYPE),
        (f"{FOLDER}/rpm.txt", tarfile.CHRTYPE),
        (f"{FOLDER}/rpm.txt", tarfile.DIRTYPE),
    ],
)
def test_nothing_is_written_and_no_link_is_followed(
    tmp_path: Path, name: str, kind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inside := tmp_path / "inside").mkdir()
    monkeypatch.chdir(inside)
    data = b"hostile" if kind == tarfile.REGTYPE else b""
    path = members(tmp_path / "a.tar", (member(name, kind, "/etc/passwd"), data))
    try:
        found = read_files(path, wanted)
    except SourceError:
        found = {}
    assert found in ({}, {"rpm.txt": b"hostile"})
    assert sorted(tmp_path.rglob("*")) == [path, inside]


def test_two_supportconfigs_in_one_archive_are_an_error(tmp_path: Path) -> None:
    rows = [(member(f"{folder}/{name}"), b"x") for folder, name in (("one", "rpm.txt"), ("two", "xen.txt"))]
    with pytest.raises(SourceError, match="more than one supportconfig"):
        read_files(members(tmp_path / "a.tar", *rows), wanted)
    rows = [(member("one/rpm.txt"), b"x"), (member("one/rpm.txt"), b"y")]
    with pytest.raises(SourceError, match=r"or rpm.txt twice"):
        read_files(members(tmp_path / "a.tar", *rows), wanted)


def test_a_member_that_is_too_large_is_an_error_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txz"
    large = tarfile.TarInfo(f"{FOLDER}/rpm.txt")
    large.size = 1 << 40
    path.write_bytes(lzma.compress(large.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)))
    with pytest.raises(SourceError, match="is larger than 64 MiB"):
        read_files(path, wanted)
    with (write_folder(tmp_path / "folder", TEXTS) / "rpm.txt").open("wb") as out:
        out.truncate(1 << 40)
    with pytest.raises(SourceError, match="is larger than 64 MiB"):
        read_files(tmp_path / "folder", wanted)


def test_an_archive_that_unpacks_to_very_much_ends_early_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_MOST_BYTES", 64 << 20)
    path = tmp_path / "bomb.txz"
    with lzma.open(path, "wb") as out, tarfile.open(fileobj=out, mode="w|") as tar:
        huge = tarfile.TarInfo("x/other.bin")
        huge.size = 200 << 20
        tar.addfile(huge, Zeros())
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="unpacks to more than"):
            read_files(path, wanted)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


class Zeros(io.RawIOBase):
    def read(self, length: int = -1, /) -> bytes:
        return bytes(length)


def test_a_long_name_or_a_header_of_pax_is_no_way_around_the_bounds(tmp_path: Path) -> None:
    for kind in (b"L", b"x", b"g"):
        header = tarfile.TarInfo("././@LongLink")
        header.type, header.size = kind, 1 << 50
        path = tmp_path / "a.tar"
        path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
        with pytest.raises(SourceError, match=r"cut off|damaged"):
            read_files(path, wanted)


def test_xz_that_asks_for_very_much_memory_is_an_error(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 << 20, "preset": 0}]
    compressor = lzma.LZMACompressor(lzma.FORMAT_XZ, filters=filters)
    path = tmp_path / "a.txz"
    path.write_bytes(compressor.compress(b"x" * 1024) + compressor.flush())
    with pytest.raises(SourceError, match=r"cannot read the supportconfig .*[Mm]emory"):
        read_files(path, wanted)


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_an_archive_that_was_cut_off_is_an_error(tmp_path: Path, kind: str, share: float) -> None:
    path = write_archive(tmp_path / "a", {name: text * 50 for name, text in files().items()}, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(SourceError) as caught:
        read_supportconfig("supportconfig://x", path, PROFILE)
    assert caught.value.exit_status == 6


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no supportconfig: expected a tar archive"),
        (b"#!/bin/sh\n", "is no supportconfig: expected a tar archive"),
        (b"\x85\x02\x0c\x03" + bytes(600), "is no supportconfig: expected a tar archive"),
        (b"\x1f\x8b\x08\x00nothing", "cannot read the supportconfig"),
        (b"\xfd7zXZ\0nothing", "cannot read the supportconfig"),
        (b"BZh9nothing", "cannot read the supportconfig"),
    ],
)
def test_what_is_no_archive_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    (path := tmp_path / "a").write_bytes(data)
    with pytest.raises(SourceError, match=message):
        read_files(path, wanted)


def test_an_archive_of_something_else_is_no_supportconfig(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a", {"readme.txt": "x"})
    with pytest.raises(SourceError, match=r"expected basic-environment.txt, rpm.txt in it"):
        read_supportconfig("supportconfig://x", path, PROFILE)
    with pytest.raises(SourceError, match="No such file"):
        read_supportconfig("supportconfig://x", tmp_path / "none", PROFILE)
    with pytest.raises(SourceError, match="neither a file nor a directory"):
        read_supportconfig("supportconfig://x", Path("/dev/null"), PROFILE)


def test_a_text_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    texts = {**files(), "xen.txt": files()["xen.txt"][:-40].rstrip("\n")}
    with pytest.raises(SourceError, match=r"xen.txt is cut off"):
        read_supportconfig("supportconfig://x", write_folder(tmp_path / "folder", texts), PROFILE)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.sampled_from([b"", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0"]))
def test_any_bytes_are_an_error_and_no_more(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes(head + data)
    with pytest.raises(SourceError):
        read_supportconfig("supportconfig://x", path, PROFILE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), min_size=1, max_size=10))
def test_a_damaged_archive_is_never_more_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    path = write_archive(tmp_path_factory.mktemp("any") / "a", TEXTS, "")
    data = bytearray(path.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path.write_bytes(data)
    try:
        assert set(read_files(path, wanted)) <= set(TEXTS)
    except SourceError as error:
        assert str(path) in str(error)  # noqa: PT017  # either is right, nothing else is
