"""The text files of a supportconfig, read from its archive or directory, never unpacked to disk.

An archive is treated as hostile: the size of what is read is limited, only regular files with
wanted names are read, and no path in it is ever used as a path.  It is read to its very end:
an archive that lost its last bytes is an error.
"""

import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from xenproof.errors import SourceError
from xenproof.supportconfig.pax import pax_name
from xenproof.supportconfig.unpacked import Unpacked, decoder_of

MOST_FILE_BYTES = 64 << 20
MOST_KEPT_BYTES = 96 << 20  # of all wanted files together
_MOST_BYTES = 4 << 30  # of the whole unpacked archive
# Text compresses to a tenth or a hundredth; a higher ratio means a decompression bomb.
_MOST_RATIO, _ANY_RATIO_BYTES = 300, 64 << 20
_MOST_MEMBERS = 100_000
_BLOCK = 512
_PIECE = 1 << 16
_LONGEST_NAME = 4096
_MOST_PAX_BYTES = 1 << 16

Wanted = Callable[[str], bool]


class _Stream(Protocol):
    def read(self, length: int, /) -> bytes: ...


def read_files(path: Path, wanted: Wanted) -> dict[str, bytes]:
    """The wanted files by their names; raises SourceError if `path` is no archive or directory, or is truncated."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _in_directory(path, wanted)
        with _open(path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(f"{path} is neither a file nor a directory: expected a supportconfig archive")
            return _in_archive(_Bounded(file, path), path, wanted)
    except OSError as error:
        raise SourceError(f"cannot read the supportconfig {path}: {error.strerror or error}") from error
    except (EOFError, lzma.LZMAError, zlib.error) as error:
        what = str(error) or type(error).__name__
        raise SourceError(f"cannot read the supportconfig {path}: {what}; was it copied as a whole?") from error


def _open(path: Path, more: int = 0) -> BinaryIO:
    """Open a path of any kind: O_NONBLOCK, so that a FIFO does not wait."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | more), "rb")


def _in_directory(folder: Path, wanted: Wanted) -> dict[str, bytes]:
    kept = _Kept(folder)
    for name in sorted(_wanted_names(folder, wanted)):
        if not stat.S_ISREG((folder / name).lstat().st_mode):
            continue  # opening a device may have side effects
        with _open(folder / name, os.O_NOFOLLOW) as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode):
                kept.check(name, found.st_size)
                kept.add(name, file.read(MOST_FILE_BYTES + 1))
    return kept.files


def _wanted_names(folder: Path, wanted: Wanted) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number >= _MOST_MEMBERS:
                raise SourceError(f"{folder} has more than {_MOST_MEMBERS:,} entries, so it is no supportconfig")
            if wanted(entry.name):
                yield entry.name


class _Kept:
    """The wanted files, which are kept in memory."""

    def __init__(self, path: Path) -> None:
        self.files: dict[str, bytes] = {}
        self._path = path
        self._left = MOST_KEPT_BYTES

    def check(self, name: str, size: int) -> None:
        """Raise SourceError if a file of `size` bytes exceeds the limits."""
        if size > MOST_FILE_BYTES:
            raise SourceError(
                f"{name} in {self._path} is larger than {MOST_FILE_BYTES >> 20} MiB, more than is read of a text"
            )
        if size > self._left:
            raise SourceError(
                f"the texts in {self._path} that are read here are larger than {MOST_KEPT_BYTES >> 20} MiB together, "
                f"of which {name} is one; those of a host are a few MiB"
            )

    def add(self, name: str, data: bytes) -> None:
        """Keep a file; raises SourceError if it exceeds the limits."""
        self.check(name, len(data))
        self._left -= len(data)
        self.files[name] = data


class _Bounded:
    """An archive that is read only up to the size that a supportconfig can have."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._path = path
        self._stream = self._unpacked(file)
        packed = os.fstat(file.fileno()).st_size
        self._left = min(_MOST_BYTES, _ANY_RATIO_BYTES + _MOST_RATIO * packed)
        self._limit = self._left
        self._end = 0

    def _unpacked(self, file: BinaryIO) -> _Stream:
        head = file.read(_BLOCK)
        file.seek(0)
        if (make := decoder_of(head)) is not None:
            return Unpacked(file, make, str(self._path))
        if head[257:262] == b"ustar":
            return file
        raise SourceError(
            f"{self._path} is no supportconfig: expected a tar archive (.txz, .tbz, .tgz, .tar) or the directory of one"
        )

    def exactly(self, length: int) -> bytes:
        """The next `length` bytes; raises EOFError if there are fewer, SourceError if the archive is too large."""
        pieces = bytearray()
        while len(pieces) < length:
            pieces += self._some(length - len(pieces))
        return bytes(pieces)

    def skip(self, length: int) -> None:
        """Read `length` bytes and discard them."""
        self._allow(length)
        while length:
            length -= len(self._some(length))

    def end(self) -> None:
        """Read what follows the end of the archive: there a compressed file has its checksum."""
        while piece := self._stream.read(_PIECE):
            self._allow(len(piece))
            self._left -= len(piece)
            self._end = (self._end + len(piece)) % _BLOCK
        if self._end:
            raise EOFError(f"the archive is cut off: its last block has {self._end} bytes, expected {_BLOCK}")

    def _some(self, length: int) -> bytes:
        self._allow(length)
        if not (piece := self._stream.read(min(length, _PIECE))):
            raise EOFError("the archive is cut off")
        self._left -= len(piece)
        return piece

    def _allow(self, length: int) -> None:
        if length > self._left:
            raise SourceError(
                f"{self._path} unpacks to more than {self._limit >> 20:,} MiB, which is more than texts do, so it is "
                "no supportconfig; name the directory that it was unpacked to, if it is one"
            )


def _in_archive(stream: _Bounded, path: Path, wanted: Wanted) -> dict[str, bytes]:
    kept = _Kept(path)
    folders: set[str] = set()
    for name, size, is_file in _members(stream, path):
        folder, _, last = name.removeprefix("./").rpartition("/")
        if not is_file or "/" in folder or not wanted(last):
            stream.skip(_padded(size))
            continue
        kept.check(last, size)
        folders.add(folder)
        if last in kept.files or len(folders) > 1:
            raise SourceError(f"{path} holds more than one supportconfig, or {last} twice")
        data = stream.exactly(size)
        stream.skip(_padded(size) - size)
        kept.add(last, data)
    return kept.files


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _members(stream: _Bounded, path: Path) -> Iterator[tuple[str, int, bool]]:
    """Name, size and whether it is a regular file, of each member; the caller then reads the member's bytes."""
    long_name = ""
    for _ in range(_MOST_MEMBERS):
        block = stream.exactly(_BLOCK)
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if block.strip(b"\0"):
                raise SourceError(f"{path} is damaged: {error}") from error
            _end_of_archive(stream, path)
            return
        _check(member, path)
        if member.type == tarfile.GNUTYPE_LONGNAME:
            long_name = stream.exactly(_padded(member.size)).partition(b"\0")[0].decode("utf-8", "replace")
        elif member.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE):
            header = stream.exactly(_padded(member.size))[: member.size]
            long_name = pax_name(header, path, of_all=member.type == tarfile.XGLTYPE) or long_name
        elif member.type == tarfile.GNUTYPE_LONGLINK:
            stream.skip(_padded(member.size))
        else:
            yield long_name or member.name, member.size if member.isreg() else 0, member.isreg()
            long_name = ""
    raise SourceError(f"{path} has more than {_MOST_MEMBERS:,} members, so it is no supportconfig")


def _check(member: tarfile.TarInfo, path: Path) -> None:
    """Raise SourceError if the size in a header is impossible or the member is sparse."""
    most = {
        tarfile.GNUTYPE_LONGNAME: _LONGEST_NAME,
        tarfile.GNUTYPE_LONGLINK: _LONGEST_NAME,
        tarfile.XHDTYPE: _MOST_PAX_BYTES,
        tarfile.SOLARIS_XHDTYPE: _MOST_PAX_BYTES,
        tarfile.XGLTYPE: _MOST_PAX_BYTES,
    }.get(member.type, member.size)
    if not 0 <= member.size <= most:
        raise SourceError(f"{path} is damaged: {member.name!r} has a size of {member.size} bytes")
    if member.type == tarfile.GNUTYPE_SPARSE:
        raise SourceError(f"{path} has a sparse member, which no supportconfig has")


def _end_of_archive(stream: _Bounded, path: Path) -> None:
    """Check the second of the two empty blocks that end an archive; more of them may follow."""
    if stream.exactly(_BLOCK).strip(b"\0"):
        raise SourceError(f"{path} is damaged: it has one empty block where two end an archive")
    stream.end()
