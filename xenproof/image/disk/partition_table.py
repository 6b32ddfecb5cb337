"""Partition tables: GPT, and those of the PC with extended partitions.

Read here, with limits on every value from the disk: a hostile table must not take for ever.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from xenproof.errors import SourceError
from xenproof.image.disk.disk_bytes import Bytes

_SECTOR = 512
_GPT_SECTORS = (512, 4096)
# Signature, revision, header size, its checksum, reserved, own place, backup, first and last usable, identity,
# place of the entries, their number, their size, their checksum.
_GPT = struct.Struct("<8sIIIIQQQQ16sQIII")
_GPT_ENTRY = struct.Struct("<16s16sQQQ72s")
_MOST_ENTRIES, _LARGEST_ENTRY = 1024, 4096
# Status, CHS, type, CHS, first sector, sectors.
_PC_ENTRY = struct.Struct("<B3xB3xII")
_PC_ENTRIES_AT, _SERIAL_AT = 446, 440
_EXTENDED = (0x05, 0x0F, 0x85)
_GPT_TYPE = 0xEE
_FIRST_LOGICAL, _MOST_LOGICAL = 5, 128


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """One partition: its number in Linux, its place in bytes, its identity and its name."""

    number: int
    start: int
    size: int
    uuid: str
    name: str


def read_table(disk: Bytes) -> list[PartitionRow]:
    """The partitions of a disk, none without a table; raises SourceError if the table is damaged."""
    first = _at(disk, 0, _SECTOR)
    if first[510:] != b"\x55\xaa":
        return []
    entries = list(_pc_entries(first))
    if any(kind == _GPT_TYPE for _, kind, _, _ in entries):
        return list(_gpt(disk))
    # The boot code of a file system ends with the same two bytes.
    if not entries or any(status not in (0, 0x80) or not start or not size for status, _, start, size in entries):
        return []
    return list(_pc(disk, first))


def _at(disk: Bytes, place: int, length: int) -> bytes:
    """The bytes at a place; after the end of the disk come zeros."""
    if place >= disk.size:
        return bytes(length)
    disk.seek(place)
    return disk.read(length)


def _pc_entries(sector: bytes) -> Iterator[tuple[int, int, int, int]]:
    for at in range(4):
        entry: tuple[int, int, int, int] = _PC_ENTRY.unpack_from(sector, _PC_ENTRIES_AT + at * _PC_ENTRY.size)
        if entry[1]:
            yield entry


def _pc(disk: Bytes, first: bytes) -> Iterator[PartitionRow]:
    (serial,) = struct.unpack_from("<I", first, _SERIAL_AT)
    for at in range(4):
        _, kind, start, size = _PC_ENTRY.unpack_from(first, _PC_ENTRIES_AT + at * _PC_ENTRY.size)
        if kind in _EXTENDED:
            for number, (begin, length) in enumerate(_logical(disk, start), _FIRST_LOGICAL):
                yield PartitionRow(number, begin * _SECTOR, length * _SECTOR, f"{serial:08x}-{number:02x}", "")
        elif kind:
            yield PartitionRow(at + 1, start * _SECTOR, size * _SECTOR, f"{serial:08x}-{at + 1:02x}", "")


def _logical(disk: Bytes, extended: int) -> Iterator[tuple[int, int]]:
    """First sector and length of the partitions in an extended one: a chain in which each link names the next."""
    place = extended
    for _ in range(_MOST_LOGICAL):
        sector = _at(disk, place * _SECTOR, _SECTOR)
        if sector[510:] != b"\x55\xaa":
            return
        _, kind, start, size = _PC_ENTRY.unpack_from(sector, _PC_ENTRIES_AT)
        if kind and size:
            yield place + start, size
        _, link, offset, _ = _PC_ENTRY.unpack_from(sector, _PC_ENTRIES_AT + _PC_ENTRY.size)
        if link not in _EXTENDED or not offset:
            return
        place = extended + offset
    raise SourceError(f"the partition table is damaged: more than {_MOST_LOGICAL} logical partitions")


def _gpt(disk: Bytes) -> Iterator[PartitionRow]:
    for sector in _GPT_SECTORS:
        header = _at(disk, sector, _GPT.size)
        mark, _, length, checksum, _, _, _, _, _, _, place, count, size, entries_checksum = _GPT.unpack(header)
        if mark == b"EFI PART":
            break
    else:
        raise SourceError("the partition table is damaged: it says that it is a GPT, and there is none")
    # Checked before the checksums, because those of empty data could match.
    if not _GPT.size <= length <= sector or count > _MOST_ENTRIES or not _GPT_ENTRY.size <= size <= _LARGEST_ENTRY:
        raise SourceError(
            f"the partition table is damaged: a GPT with a header of {length} bytes, {count} entries of {size} bytes"
        )
    whole = _at(disk, sector, length)
    entries = _at(disk, place * sector, count * size)
    if zlib.crc32(whole[:16] + bytes(4) + whole[20:]) != checksum or zlib.crc32(entries) != entries_checksum:
        raise SourceError("the partition table is damaged: the checksums of its GPT are wrong")
    for at in range(count):
        kind, identity, first, last, _, name = _GPT_ENTRY.unpack_from(entries, at * size)
        if any(kind) and first <= last:
            title = name.decode("utf-16-le", "replace").partition("\0")[0]
            yield PartitionRow(at + 1, first * sector, (last - first + 1) * sector, str(UUID(bytes_le=identity)), title)
