"""A GPT that no program writes, with checksums that are right."""

import struct
import zlib
from pathlib import Path

from selftest.images.disks import SECTOR

_ENTRY_BYTES = 128
_LINUX = bytes.fromhex("af3dc60f838472478e793d69d8477de4")


def write_gpt(disk: Path, rows: list[tuple[int, int]]) -> Path:
    """Give a disk a GPT of partitions from sector to sector, however they lie."""
    entries = b"".join(
        struct.pack("<16s16sQQQ72s", _LINUX, number.to_bytes(16, "little"), first, last, 0, b"")
        for number, (first, last) in enumerate(rows, 1)
    )
    sums = len(rows), _ENTRY_BYTES, zlib.crc32(entries)
    head = [b"EFI PART", 1 << 16, 92, 0, 0, 1, 0, 34, 1 << 40, bytes(16), 2, *sums]
    form = struct.Struct("<8sIIIIQQQQ16sQIII")
    head[3] = zlib.crc32(form.pack(*head))
    with disk.open("r+b") as out:
        out.seek(446)
        out.write(struct.pack("<B3xB3xII", 0, 0xEE, 1, 0xFFFFFFFF).ljust(64, b"\0") + b"\x55\xaa")
        out.seek(SECTOR)
        out.write(form.pack(*head))
        out.seek(2 * SECTOR)
        out.write(entries)
    return disk
