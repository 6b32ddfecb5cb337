"""A package's header, which is the same in all of rpm's databases.

It begins with the number of entries in its index and the number of bytes of data after it; an entry is a tag,
a type, an offset into the data and a count.  All numbers are big endian.
"""

import struct
from dataclasses import dataclass

from xenproof.errors import ParseError

_LENGTHS = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")
_SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}  # the sizes of numbers, by type
_STRING, _STRINGS = 6, (6, 8, 9)
_MOST_ENTRIES, _MOST_VALUES = 1 << 16, 1 << 18
MOST_HEADER_BYTES = 32 << 20
NAME, VERSION, RELEASE = 1000, 1001, 1002


@dataclass(frozen=True, slots=True)
class RpmPackage:
    """An installed package: its number in the database, and its header."""

    number: int
    index: dict[int, tuple[int, int, int]]
    data: bytes

    @property
    def name(self) -> str:
        """Its name."""
        return self.text(NAME)

    def text(self, tag: int) -> str:
        """The text of a tag; raises ParseError if there is none."""
        if not (found := self.texts(tag)):
            raise ParseError(f"package {self.number} of rpm's database has a damaged header: no tag {tag}")
        return found[0]

    def texts(self, tag: int) -> list[str]:
        """The texts of a tag, none if it is missing."""
        kind, offset, count = self.index.get(tag, (_STRING, 0, 0))
        self._must(kind in _STRINGS and count <= _MOST_VALUES, tag)
        found: list[str] = []
        for _ in range(count):
            end = self.data.find(b"\0", offset)
            self._must(end >= 0, tag)
            found.append(self.data[offset:end].decode("utf-8", "replace"))
            offset = end + 1
        return found

    def numbers(self, tag: int) -> list[int]:
        """The numbers of a tag, none if it is missing."""
        kind, offset, count = self.index.get(tag, (4, 0, 0))
        self._must(kind in _SIZES and count <= _MOST_VALUES, tag)
        form = f">{count}{_SIZES[kind]}"
        self._must(offset + struct.calcsize(form) <= len(self.data), tag)
        return list(struct.unpack_from(form, self.data, offset))

    def _must(self, holds: bool, tag: int) -> None:  # a positional boolean is clear here
        if not holds:
            raise ParseError(f"package {self.number} of rpm's database has a damaged header: tag {tag}")


def check_length(number: int, length: int) -> None:
    """Raise ParseError if a header is too long: called before it is copied out of the database."""
    if length > MOST_HEADER_BYTES:
        raise ParseError(
            f"package {number} of rpm's database has a header of {length} bytes, expected {MOST_HEADER_BYTES} or fewer"
        )


def read_header(number: int, blob: bytes) -> RpmPackage:
    """The package of a header; raises ParseError if the blob is not a header with a name, a version and a release."""
    try:
        check_length(number, len(blob))
        entries, length = _LENGTHS.unpack_from(blob)
        if not 0 < entries <= _MOST_ENTRIES:
            raise ParseError(f"package {number} of rpm's database has a header with {entries} entries")
        end = _LENGTHS.size + entries * _ENTRY.size
        index = {tag: (kind, at, count) for tag, kind, at, count in _ENTRY.iter_unpack(blob[_LENGTHS.size : end])}
    except struct.error as error:
        raise ParseError(f"package {number} of rpm's database has a damaged header: {error}") from error
    package = RpmPackage(number, index, blob[end:][:length])
    for tag in (NAME, VERSION, RELEASE):
        package.text(tag)
    return package
