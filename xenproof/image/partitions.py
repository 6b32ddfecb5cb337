"""The partitions of a disk image, or the one file system that fills it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from dissect.volume.disk import Disk
from dissect.volume.exceptions import DiskError

from xenproof.errors import SourceError
from xenproof.image.container import Bytes
from xenproof.image.signature import HEAD_BYTES, signature

_MOST = 256
_SECTOR_SIZES = (512, 4096)


@dataclass(frozen=True, slots=True)
class Partition:
    """A piece of the disk; its number is 0 where it is the whole disk.  `kind` is what its signature says."""

    number: int
    start: int
    size: int
    uuid: str
    name: str
    kind: str
    stream: Bytes

    @property
    def place(self) -> str:
        """How messages call it."""
        return f"partition {self.number}" if self.number else "the image"


class _Piece(Bytes):
    """The bytes of a disk from `start` on."""

    def __init__(self, disk: Bytes, start: int, size: int) -> None:
        super().__init__(cast(BinaryIO, disk), size, whole=True)
        self._start = start

    def read(self, length: int = -1, /) -> bytes:
        """`length` bytes from the position on."""
        at = self._at
        length = max(0, self.size - at) if length < 0 else length
        if length and at >= self.size:
            raise EOFError(f"byte {at} of {self.size} was asked for")
        self._stream.seek(self._start + at)
        there = min(length, max(0, self.size - at))
        self._at = at + length
        return self._stream.read(there).ljust(length, b"\0")


def read_partitions(disk: Bytes, path: Path) -> list[Partition]:
    """What the disk is made of; raises SourceError if it is no disk image or a part of it was cut off."""
    if disk.size == 0:
        raise SourceError(f"{path} is empty, so it is no disk image")
    # A file system that fills the disk may still hold a partition table of a former use.
    disk.seek(0)
    if kind := signature(disk.read(min(HEAD_BYTES, disk.size)).ljust(HEAD_BYTES, b"\0")):
        return [Partition(0, 0, disk.size, "", "", kind, disk)]
    serial, rows = _table(disk, path)
    if not rows:
        raise SourceError(f"the partition table of {path} is empty")
    return [_partition(disk, row, serial, path) for row in rows]


def _table(disk: Bytes, path: Path) -> tuple[int | None, list[Any]]:
    """The disk's serial number, if its table has one, and the library's partitions."""
    said = ""
    for sector_size in _SECTOR_SIZES:
        disk.seek(0)
        try:
            table = _read_table(disk, sector_size)
        except DiskError as error:
            said = said or str(error).split("\n")[0].rstrip(":")
        else:
            return table.serial, list(table.partitions)[:_MOST]
    raise SourceError(
        f"{path} is no disk image: expected a raw or qcow2 image with a partition table or a file system, "
        f"found neither ({said}); is it a supportconfig? Then use supportconfig://"
    )


def _read_table(disk: Bytes, sector_size: int) -> Any:
    try:
        return Disk(cast(BinaryIO, disk), sector_size=sector_size)
    except DiskError:
        raise
    except Exception as error:  # a library that reads hostile bytes may raise anything
        raise DiskError(f"{type(error).__name__}: {error}") from error


def _partition(disk: Bytes, row: Any, serial: int | None, path: Path) -> Partition:
    number, start, size = int(row.number), int(row.offset), int(row.size)
    if start + size > disk.size:
        raise SourceError(
            f"{path} is cut off: its partition {number} ends at byte {start + size}, the image at byte {disk.size}"
        )
    piece = _Piece(disk, start, size)
    kind = signature(piece.read(min(HEAD_BYTES, size)).ljust(HEAD_BYTES, b"\0")) if size else ""
    # Without a GPT, Linux makes the identity from the disk's serial number.
    uuid = str(row.guid or "") if serial is None else f"{serial:08x}-{number:02x}"
    return Partition(number, start, size, uuid, str(row.name or ""), kind, piece)
