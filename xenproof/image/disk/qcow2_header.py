"""The header of a qcow2 file and its extensions, with limits on every value in them."""

import struct
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import SourceError
from xenproof.image.disk.disk_bytes import Bytes

MAGIC = b"QFI\xfb"
# Magic, version, place and length of the backing file's name, cluster bits, size, encryption, entries of the
# first table and its place, refcounts, snapshots.
_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
# Incompatible, compatible and autoclear features, refcount order, length of the header: only in version 3.
_V3 = struct.Struct(">QQQII")
_COMPRESSION_AT = _V2.size + _V3.size
HEAD_BYTES = _COMPRESSION_AT + 8
_EXTENSION = struct.Struct(">II")
_BACKING_FORMAT, _DATA_FILE_NAME = 0xE2792ACA, 0x44415441
_CORRUPT, _DATA_FILE, _COMPRESSION, SUBCLUSTERS = 2, 4, 8, 16
_KNOWN = 31
_LONGEST_NAME, _LONGEST_FORMAT, _MOST_EXTENSIONS = 1023, 16, 64
# qemu's own limit, in bytes, for the first table.
_LARGEST_TABLE = 32 << 20


@dataclass(frozen=True, slots=True)
class Header:
    """The values in the header of a qcow2 file; `backing` and `backing_format` are empty if they are not set."""

    cluster_bits: int
    size: int
    entries: int
    entries_at: int
    features: int
    compression: int
    backing: str
    backing_format: str

    @property
    def entry_bytes(self) -> int:
        """The length of an entry in its second-level tables."""
        return 16 if self.features & SUBCLUSTERS else 8

    def plain(self) -> bytes:
        """The same values as a header of version 3, without a backing file, for a library that ignores the version."""
        first = _V2.pack(MAGIC, 3, 0, 0, self.cluster_bits, self.size, 0, self.entries, self.entries_at, 0, 0, 0, 0)
        rest = _V3.pack(self.features & (_COMPRESSION | SUBCLUSTERS), 0, 0, 4, HEAD_BYTES)
        return first + rest + bytes([self.compression]) + bytes(7)


def read_header(path: Path, stream: Bytes) -> Header:
    """The header of the qcow2 at `path`; raises SourceError if it is damaged, or of an unsupported kind."""
    head = _at(stream, 0, HEAD_BYTES)
    if stream.size < _V2.size:
        raise SourceError(f"{path} is cut off in the header of a qcow2 image")
    _, version, name_at, name_length, bits, size, encrypted, entries, entries_at, *_ = _V2.unpack_from(head)
    # In version 2 the bytes after the header do not belong to it.
    features, _, _, _, length = _V3.unpack_from(head, _V2.size) if version > 2 else (0, 0, 0, 0, _V2.size)
    if version not in (2, 3) or not 9 <= bits <= 21:
        raise SourceError(f"{path} is no whole qcow2 image: version {version}, clusters of 2^{bits} bytes")
    if version > 2 and not _COMPRESSION_AT <= length <= 1 << bits:
        raise SourceError(f"{path} is no whole qcow2 image: a header of {length} bytes")
    if encrypted:
        raise SourceError(f"{path} is encrypted, so it cannot be read: convert it with `qemu-img convert`")
    if name_at and not (length <= name_at <= (1 << bits) - name_length and name_length <= _LONGEST_NAME):
        raise SourceError(f"{path} is damaged: the name of its backing file is {name_length} bytes at byte {name_at}")
    extensions = _extensions(path, stream, length, name_at or 1 << bits)
    _check_features(path, features, extensions)
    found = Header(
        bits,
        size,
        entries,
        entries_at,
        features,
        head[_COMPRESSION_AT] if length > _COMPRESSION_AT else 0,
        _at(stream, name_at, name_length).decode("utf-8", "surrogateescape") if name_at else "",
        extensions.get(_BACKING_FORMAT, b"").decode("ascii", "replace").lower(),
    )
    _check_table(path, stream, found)
    return found


def _at(stream: Bytes, place: int, length: int) -> bytes:
    """The bytes at a place; after the end of the file come zeros."""
    if place >= stream.size:
        return bytes(length)
    stream.seek(place)
    return stream.read(length)


def _extensions(path: Path, stream: Bytes, begin: int, end: int) -> dict[int, bytes]:
    """The relevant extensions of the header, by their marks."""
    found: dict[int, bytes] = {}
    at = begin
    for _ in range(_MOST_EXTENSIONS):
        mark, length = _EXTENSION.unpack(_at(stream, at, _EXTENSION.size))
        at += _EXTENSION.size
        if not mark or at > end:
            return found
        if length > end - at:
            raise SourceError(f"{path} is damaged: an extension of its header has {length} bytes")
        if mark in (_BACKING_FORMAT, _DATA_FILE_NAME):
            if length > (_LONGEST_FORMAT if mark == _BACKING_FORMAT else _LONGEST_NAME) or mark in found:
                raise SourceError(
                    f"{path} is damaged: extension {mark:#x} of its header has {length} bytes, or is not alone"
                )
            found[mark] = _at(stream, at, length)
        at += (length + 7) & ~7
    raise SourceError(f"{path} is damaged: its header has more than {_MOST_EXTENSIONS} extensions")


def _check_features(path: Path, features: int, extensions: dict[int, bytes]) -> None:
    if features & _DATA_FILE:
        name = extensions.get(_DATA_FILE_NAME, b"").decode("utf-8", "replace")
        raise SourceError(
            f"{path} has its data in another file, {f'named {name[:200]!r}' if name else 'which it does not name'}; an "
            "image must not choose which files of this machine are read, and such files are not read at all: make one "
            "file of it where you trust it, with `qemu-img convert -O qcow2`"
        )
    if features & _CORRUPT:
        raise SourceError(f"{path} is marked as corrupt: look at `qemu-img check`")
    if features & ~_KNOWN:
        raise SourceError(f"{path} has features that are not read ({features & ~_KNOWN:#x}): use `qemu-img convert`")


def _check_table(path: Path, stream: Bytes, header: Header) -> None:
    """Raise SourceError if the first table does not fit the disk, its own limit or the file."""
    if 8 * header.entries > _LARGEST_TABLE:
        raise SourceError(
            f"{path} is damaged: its first table has {header.entries} entries, qemu allows {_LARGEST_TABLE // 8}"
        )
    covered = (1 << 2 * header.cluster_bits) // header.entry_bytes
    if header.entries * covered < header.size:
        raise SourceError(
            f"{path} is damaged: its disk has {header.size} bytes, and its first table only {header.entries} entries"
        )
    if header.entries_at + 8 * header.entries > stream.size:
        raise SourceError(f"{path} is cut off: its tables are behind its end at byte {stream.size}")
