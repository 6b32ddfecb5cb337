"""rpm's database as a hash of Berkeley DB, the file Packages: used by rpm up to 4.15, so by SLES 11 and 12.

Keys are numbers, values are headers, stored in chains of overflow pages.
"""

import struct
from collections.abc import Iterator

from xenproof.errors import ParseError
from xenproof.image.rpm.header import check_length

_MAGIC = 0x00061561
_META, _HASH, _HASH_UNSORTED, _OVERFLOW = 8, 13, 2, 7
_OFF_PAGE, _INLINE = 3, 1
_PAGE_HEADER = 26
_INSTANCES = 0  # the key of the package counter


class _Pages:
    """The pages of the file, in the byte order of the machine that wrote it."""

    def __init__(self, data: bytes | bytearray) -> None:
        order = next((order for order in "<>" if _unpack(order, "I", data, 12) == _MAGIC), "")
        size = _unpack(order, "I", data, 20) if order else 0
        if not order or size not in (512 << shift for shift in range(8)) or data[25] != _META:
            raise ParseError("rpm's database Packages is no hash of Berkeley DB")
        self.order = order
        self.size = size
        self._data = data
        self.count = len(data) // size
        if _unpack(order, "I", data, 32) >= self.count:
            raise ParseError(f"rpm's database Packages is cut off after {self.count} pages")

    def page(self, number: int) -> bytes:
        if not 0 < number < self.count:
            raise ParseError(f"rpm's database Packages has no page {number}")
        return bytes(self._data[number * self.size : (number + 1) * self.size])

    def number(self, form: str, page: bytes, at: int) -> int:
        return _unpack(self.order, form, page, at)


def _unpack(order: str, form: str, data: bytes | bytearray, at: int) -> int:
    try:
        return int(struct.unpack_from(order + form, data, at)[0])
    except struct.error as error:
        raise ParseError(f"rpm's database Packages is cut off: {error}") from error


def berkeley_headers(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """Number and header of each package, in the order of the file; raises ParseError if it is damaged."""
    pages = _Pages(data)
    for number in range(1, pages.count):
        page = pages.page(number)
        if page[25] in (_HASH, _HASH_UNSORTED):
            yield from _pairs(pages, page)


def _pairs(pages: _Pages, page: bytes) -> Iterator[tuple[int, bytes]]:
    count = pages.number("H", page, 20)
    offsets = [pages.number("H", page, _PAGE_HEADER + 2 * at) for at in range(count)]
    ends = [pages.size, *offsets]
    for at in range(0, count - 1, 2):
        key = page[offsets[at] : ends[at]]
        if key[:1] != bytes([_INLINE]) or len(key) != 5:
            raise ParseError(f"rpm's database Packages has a key that is no number: {key[:20]!r}")
        number = pages.number("I", key, 1)
        value = page[offsets[at + 1] : ends[at + 1]]
        if number == _INSTANCES:
            continue
        yield number, _value(pages, number, value)


def _value(pages: _Pages, package: int, item: bytes) -> bytes:
    if item[:1] == bytes([_INLINE]):
        return item[1:]
    if item[:1] != bytes([_OFF_PAGE]):
        raise ParseError(f"rpm's database Packages has a value of an unknown kind: {item[:20]!r}")
    at, length = pages.number("I", item, 4), pages.number("I", item, 8)
    check_length(package, length)
    pieces: list[bytes] = []
    there = 0
    # Limited, because a chain may contain a loop.
    for _ in range(pages.count):
        if not at:
            break
        page = pages.page(at)
        if page[25] != _OVERFLOW:
            raise ParseError(f"rpm's database Packages has page {at} in a chain that it does not belong to")
        pieces.append(page[_PAGE_HEADER : _PAGE_HEADER + pages.number("H", page, 22)])
        if (there := there + len(pieces[-1])) > length:
            break
        at = pages.number("I", page, 16)
    if there != length:
        raise ParseError(f"rpm's database Packages has a header of {there} bytes or more, expected {length}")
    return b"".join(pieces)
