"""The partitions of a disk image, or the one file system that fills it."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from xenproof.errors import SourceError
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.partition_table import PartitionRow, read_table
from xenproof.image.disk.signature import HEAD_BYTES, signature


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of the disk; its number is 0 for the whole disk.  `kind` is the meaning of its signature."""

    row: PartitionRow
    kind: str
    stream: Bytes

    @property
    def place(self) -> str:
        """Its name in messages."""
        return f"partition {self.row.number}" if self.row.number else "the image"


class _Piece(Bytes):
    """The bytes of a disk from `start` on."""

    def __init__(self, disk: Bytes, start: int, size: int) -> None:
        super().__init__(cast(BinaryIO, disk), size, disk.what, whole=True)
        self._start = start

    def _read_at(self, at: int, length: int) -> bytes:
        return super()._read_at(self._start + at, length)


def read_partitions(disk: Bytes, path: Path) -> list[Partition]:
    """The parts of the disk; raises SourceError if it is not a disk image or a part of it was cut off."""
    if disk.size == 0:
        raise SourceError(f"{path} is empty, so it is no disk image")
    # A file system on the whole disk may still contain a partition table from former use.
    if kind := _kind(disk):
        return [Partition(PartitionRow(0, 0, disk.size, "", ""), kind, disk)]
    if not (rows := read_table(disk)):
        raise SourceError(
            f"{path} is no disk image: expected a raw or qcow2 image with a partition table or a file system, "
            "found neither; is it a supportconfig? Then use supportconfig://"
        )
    return [_partition(disk, row, path) for row in rows]


def _partition(disk: Bytes, row: PartitionRow, path: Path) -> Partition:
    end = row.start + row.size
    if end > disk.size:
        raise SourceError(
            f"{path} is cut off: its partition {row.number} ends at byte {end}, the image at byte {disk.size}"
        )
    piece = _Piece(disk, row.start, row.size)
    return Partition(row, _kind(piece), piece)


def _kind(stream: Bytes) -> str:
    stream.seek(0)
    return signature(stream.read(min(HEAD_BYTES, stream.size)).ljust(HEAD_BYTES, b"\0"))
