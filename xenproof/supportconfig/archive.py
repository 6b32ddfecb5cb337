"""The text files of a supportconfig: out of its archive or its directory, never written anywhere.

An archive is hostile until proved otherwise: what is read of it is bounded, only regular files of the
names that are wanted are looked at, and no path in it is ever used as one.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from xenproof.errors import SourceError

MOST_FILE_BYTES = 64 << 20
_MOST_BYTES = 4 << 30  # of the whole archive, unpacked
_MOST_MEMBERS = 100_000
_MOST_XZ_MEMORY = 256 << 20
_BLOCK = 512
_PIECE = 1 << 16
_LONGEST_NAME = 4096
# What describes the member that follows, in more words than are needed here.
_DESCRIPTIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGLINK)

Wanted = Callable[[str], bool]


def read_files(path: Path, wanted: Wanted) -> dict[str, bytes]:
    """The wanted files by their names; raises SourceError if `path` is no archive or directory, or is cut off."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _in_directory(path, wanted)
        if not stat.S_ISREG(mode):
            raise SourceError(f"{path} is neither a file nor a directory: expected a supportconfig archive")
        with ExitStack() as files:
            return _in_archive(_Bounded(_unpacked(path, files), path), path, wanted)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SourceError(f"cannot read the supportconfig {path}: {what}") from error


def _in_directory(folder: Path, wanted: Wanted) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        if not wanted(path.name) or not stat.S_ISREG(path.lstat().st_mode):
            continue
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            found[path.name] = _checked(path.name, file.read(MOST_FILE_BYTES + 1), folder)
    return found


def _checked(name: str, data: bytes, path: Path) -> bytes:
    if len(data) > MOST_FILE_BYTES:
        raise SourceError(f"{name} in {path} is larger than {MOST_FILE_BYTES >> 20} MiB, more than is read of a text")
    return data


def _unpacked(path: Path, files: ExitStack) -> BinaryIO:
    file = files.enter_context(path.open("rb"))
    head = file.read(_BLOCK)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, files.enter_context(gzip.GzipFile(fileobj=file)))
    if head.startswith(b"BZh"):
        return cast(BinaryIO, files.enter_context(bz2.BZ2File(file)))
    if head.startswith(b"\xfd7zXZ\0"):
        return cast(BinaryIO, _Xz(file))
    if head[257:262] == b"ustar":
        return file
    raise SourceError(
        f"{path} is no supportconfig: expected a tar archive (.txz, .tbz, .tgz, .tar) or the directory of one"
    )


class _Xz(io.RawIOBase):
    """An xz file, read with a bound on memory, which lzma.open has not."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_XZ_MEMORY)

    def read(self, length: int = -1, /) -> bytes:
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._file.read(_PIECE)
                if not rest.strip(b"\0"):
                    return b""
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_XZ_MEMORY)
            else:
                rest = self._file.read(_PIECE) if self._decoder.needs_input else b""
                if not rest and self._decoder.needs_input:
                    raise EOFError("the compressed file ends too early")
            if data := self._decoder.decompress(rest, length):
                return data


class _Bounded:
    """A stream of which no more is read than a supportconfig can have."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._path = path
        self._left = _MOST_BYTES

    def exactly(self, length: int) -> bytes:
        """The next `length` bytes; raises EOFError if there are fewer, SourceError if there are too many already."""
        if (left := self._left - length) < 0:
            raise SourceError(f"{self._path} unpacks to more than {_MOST_BYTES >> 30} GiB, so it is no supportconfig")
        self._left = left
        pieces: list[bytes] = []
        while length:
            piece = self._stream.read(min(length, _PIECE))
            if not piece:
                raise EOFError("the archive is cut off")
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def skip(self, length: int) -> None:
        """Read `length` bytes and forget them."""
        while length:
            piece = min(length, _PIECE)
            self.exactly(piece)
            length -= piece


def _in_archive(stream: _Bounded, path: Path, wanted: Wanted) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    folders: set[str] = set()
    for name, size, is_file in _members(stream, path):
        folder, _, last = name.removeprefix("./").rpartition("/")
        if not is_file or "/" in folder or not wanted(last):
            stream.skip(_padded(size))
            continue
        if size > MOST_FILE_BYTES:
            _checked(last, bytes(MOST_FILE_BYTES + 1), path)
        folders.add(folder)
        if last in found or len(folders) > 1:
            raise SourceError(f"{path} holds more than one supportconfig, or {last} twice")
        found[last] = stream.exactly(_padded(size))[:size]
    return found


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _members(stream: _Bounded, path: Path) -> Iterator[tuple[str, int, bool]]:
    """Name, size and whether it is a regular file, of each member; whoever takes one reads its bytes."""
    long_name = ""
    for _ in range(_MOST_MEMBERS):
        block = stream.exactly(_BLOCK)
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not block.strip(b"\0"):
                return  # the end of the archive
            raise SourceError(f"{path} is damaged: {error}") from error
        if member.size < 0 or (member.type == tarfile.GNUTYPE_LONGNAME and member.size > _LONGEST_NAME):
            raise SourceError(f"{path} is damaged: {member.name!r} has a size of {member.size} bytes")
        if member.type == tarfile.GNUTYPE_LONGNAME:
            long_name = stream.exactly(_padded(member.size))[: member.size].rstrip(b"\0").decode("utf-8", "replace")
        elif member.type in _DESCRIPTIONS:
            stream.skip(_padded(member.size))
        elif member.type == tarfile.GNUTYPE_SPARSE:
            raise SourceError(f"{path} has a sparse member, which no supportconfig has")
        else:
            yield long_name or member.name, member.size if member.isreg() else 0, member.isreg()
            long_name = ""
    raise SourceError(f"{path} has more than {_MOST_MEMBERS} members, so it is no supportconfig")
