"""A package's header as rpm keeps it in every one of its databases.

Two numbers say how many entries an index has and how many bytes of data follow it; an entry is a tag,
a type, an offset into the data and a count.  All numbers are big endian.
"""

import struct
from dataclasses import dataclass

from xenproof.errors import ParseError

_LENGTHS = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")
_STRING = 6
_MOST_ENTRIES = 1 << 16
NAME, VERSION, RELEASE = 1000, 1001, 1002


@dataclass(frozen=True, slots=True)
class RpmPackage:
    """What is read of an installed package: the number under which it is kept, its name, version and release."""

    number: int
    name: str
    version: str
    release: str


def read_header(number: int, blob: bytes) -> RpmPackage:
    """The package of a header; raises ParseError if the blob is no header with a name, a version and a release."""
    try:
        entries, length = _LENGTHS.unpack_from(blob)
        if not 0 < entries <= _MOST_ENTRIES:
            raise ParseError(f"package {number} of rpm's database has a header with {entries} entries")
        index = list(_ENTRY.iter_unpack(blob[_LENGTHS.size : _LENGTHS.size + entries * _ENTRY.size]))
        data = blob[_LENGTHS.size + entries * _ENTRY.size :][:length]
        words = {tag: _string(data, offset) for tag, kind, offset, _ in index if kind == _STRING}
        return RpmPackage(number, words[NAME], words[VERSION], words[RELEASE])
    except (struct.error, ValueError, KeyError) as error:
        raise ParseError(f"package {number} of rpm's database has a damaged header: {error!r}") from error


def _string(data: bytes, offset: int) -> str:
    return data[offset : data.index(b"\0", offset)].decode("utf-8", "replace")
