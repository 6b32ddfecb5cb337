"""The bytes of a disk image: raw as they are, or out of a qcow2 file and what it is based on."""

import io
import os
import struct
import sys
from array import array
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from dissect.hypervisor.disk.qcow2 import QCow2

from xenproof.errors import SourceError, XenproofError

# Magic, version, where the name of the backing file is and its length, cluster bits, size, encryption, L1 entries
# and where they are, refcounts, snapshots, then (version 3) incompatible features.
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQ")
_QCOW2 = b"QFI\xfb"
_VERSION_WITH_FEATURES = 3
_DATA_FILE = 4  # incompatible feature: the data are in another file
_CORRUPT = 2  # incompatible feature: qemu found it damaged
_SUBCLUSTERS = 16  # incompatible feature: entries are twice as long
_COMPRESSED, _OFFSET = 1 << 62, 0x00FFFFFFFFFFFE00
_LONGEST_CHAIN = 16
_OTHERS = {
    b"KDMV": "VMDK",
    b"# Di": "VMDK",
    b"vhdx": "VHDX",
    b"cone": "VHD",
    b"<<< ": "VDI",
    b"\x1f\x8b\x08": "gzip",
    b"\xfd7zX": "xz",
    b"BZh": "bzip2",
    b"(\xb5/\xfd": "zstd",
    b"PK\x03\x04": "zip",
}


class Bytes(io.RawIOBase):
    """A stream that never gives less than was asked for: zeros follow its end, as for a disk that is larger.

    With `whole`, a read that begins at the end or behind it is an EOFError: that part was cut off.
    `what` is how errors call it.
    """

    def __init__(self, stream: BinaryIO, size: int, what: str, *, whole: bool) -> None:
        super().__init__()
        self._stream = stream
        self._whole = whole
        self._at = 0
        self.size = size
        self.what = what

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position; it may be behind the end."""
        self._at = offset + (0, self._at, self.size)[whence]
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, length: int = -1, /) -> bytes:
        """`length` bytes from the position on, all to the end if it is negative."""
        if length < 0:
            length = max(0, self.size - self._at)
        if self._whole and length and self._at >= self.size:
            raise EOFError(f"byte {self._at} of {self.size} was asked for")
        there = max(0, min(length, self.size - self._at))
        data = self._read_at(self._at, there) if there else b""
        self._at += length
        return data.ljust(length, b"\0")

    def _read_at(self, at: int, length: int) -> bytes:
        try:
            self._stream.seek(at)
            return self._stream.read(length)
        except XenproofError:
            raise
        except Exception as error:  # a library that reads hostile bytes may raise anything
            raise SourceError(f"{self.what} is damaged or cut off: {type(error).__name__}: {error}") from error


def open_container(path: Path, files: ExitStack) -> Bytes:
    """The disk that the file at `path` holds; raises SourceError if it is no raw or qcow2 image.

    What is opened for it is closed with `files`.
    """
    return _open(path, files, ())


def _open(path: Path, files: ExitStack, above: tuple[Path, ...]) -> Bytes:
    if path in above or len(above) >= _LONGEST_CHAIN:
        raise SourceError(f"{above[0]} is based on itself, or on more than {_LONGEST_CHAIN} other files")
    try:
        file = files.enter_context(path.open("rb"))
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEADER.size)
    except OSError as error:
        raise SourceError(f"cannot read the image {path}: {error.strerror}") from error
    if kind := next((kind for magic, kind in _OTHERS.items() if head.startswith(magic)), ""):
        raise SourceError(
            f"{path} is a {kind} file, expected a raw or a qcow2 image; unpack it, or use `qemu-img convert -O qcow2`"
        )
    stream = Bytes(file, size, str(path), whole=True)
    return stream if not head.startswith(_QCOW2) else _qcow2(path, files, stream, head, above)


def _qcow2(path: Path, files: ExitStack, stream: Bytes, head: bytes, above: tuple[Path, ...]) -> Bytes:
    if len(head) < _HEADER.size:
        raise SourceError(f"{path} is cut off in the header of a qcow2 image")
    _, version, name_at, name_length, *rest = _HEADER.unpack(head)
    cluster_bits, size, encrypted, entries, entries_at, *_, features = rest
    if version < _VERSION_WITH_FEATURES:
        features = 0  # what stands there is no part of the header
    if not 9 <= cluster_bits <= 21:
        raise SourceError(f"{path} is no whole qcow2 image: clusters of 2^{cluster_bits} bytes")
    if encrypted:
        raise SourceError(f"{path} is encrypted, so it cannot be read: convert it with `qemu-img convert`")
    if features & (_DATA_FILE | _CORRUPT):
        raise SourceError(
            f"{path} is marked as corrupt or has its data in another file: look at `qemu-img check` and `qemu-img info`"
        )
    if entries_at + 8 * entries > stream.size or name_at + name_length > stream.size or name_length > 1023:
        raise SourceError(f"{path} is cut off: its tables are behind its end at byte {stream.size}")
    backing = None
    if name_at:
        stream.seek(name_at)
        name = stream.read(name_length).decode("utf-8", "surrogateescape")
        below = _open(path.parent / name, files, (*above, path))
        # What the backing file is too short for is zeros.
        backing = Bytes(cast(BinaryIO, below), below.size, below.what, whole=False)
    try:
        stream.seek(0)
        opened = QCow2(cast(BinaryIO, stream), backing_file=backing).open()
    except Exception as error:  # a library that reads hostile bytes may raise anything
        raise SourceError(f"{path} is no whole qcow2 image: {type(error).__name__}: {error}") from error
    _check_clusters(stream, cluster_bits, entries, entries_at, step=2 if features & _SUBCLUSTERS else 1)
    return Bytes(cast(BinaryIO, opened), size, str(path), whole=True)


def _check_clusters(stream: Bytes, cluster_bits: int, entries: int, entries_at: int, *, step: int) -> None:
    """Raise SourceError if a cluster of data or of a table is behind the end of the file: it was cut off."""
    size = 1 << cluster_bits
    stream.seek(entries_at)
    for (entry,) in struct.iter_unpack(">Q", stream.read(8 * entries)):
        if not (table := entry & _OFFSET):
            continue
        if table + size > stream.size:
            raise SourceError(f"{stream.what} is cut off: a table begins at byte {table}, the file has {stream.size}")
        stream.seek(table)
        words = array("Q", stream.read(size))
        if sys.byteorder == "little":
            words.byteswap()
        last = max((word & _OFFSET for word in words[::step] if not word & _COMPRESSED), default=0)
        if last >= stream.size:
            raise SourceError(f"{stream.what} is cut off: its data go up to byte {last}, the file has {stream.size}")
