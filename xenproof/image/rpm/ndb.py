"""rpm's own database format, the file Packages.db: used by SUSE since SLES 15.

After a header of 32 bytes come slots, each with the number of a package and the place of its blob, in
units of 16 bytes.  All numbers are little endian.
"""

import struct
from collections.abc import Iterator

from xenproof.errors import ParseError
from xenproof.image.rpm.header import check_length

_HEADER = struct.Struct("<4sIII")
_SLOT = struct.Struct("<4sIII")
_BLOB = struct.Struct("<4sIII")
_UNIT = 16
_PAGE = 4096
_FIRST_SLOT = 32


def ndb_headers(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """Number and header of each package, in the order of the slots; raises ParseError if the file is damaged."""
    try:
        magic, version, _, pages = _HEADER.unpack_from(data)
        if magic != b"RpmP" or version != 0:
            raise ParseError("rpm's database Packages.db does not begin as one")
        for at in range(_FIRST_SLOT, pages * _PAGE, _SLOT.size):
            mark, number, place, _ = _SLOT.unpack_from(data, at)
            if mark != b"Slot":
                raise ParseError(f"rpm's database Packages.db has no slot at byte {at}")
            if number:
                yield number, _blob(data, number, place * _UNIT)
    except struct.error as error:
        raise ParseError(f"rpm's database Packages.db is cut off: {error}") from error


def _blob(data: bytes | bytearray, number: int, at: int) -> bytes:
    mark, found, _, length = _BLOB.unpack_from(data, at)
    check_length(number, length)
    blob = bytes(data[at + _BLOB.size : at + _BLOB.size + length])
    if mark != b"BlbS" or found != number or len(blob) != length:
        raise ParseError(f"rpm's database Packages.db has no whole package {number} at byte {at}")
    return blob
