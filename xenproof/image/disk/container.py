"""The disk in an image file: raw, or in a qcow2 file and its backing files."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from xenproof.errors import SourceError
from xenproof.image.budget import Budget
from xenproof.image.disk.backing import Allowed
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.qcow2 import open_qcow2
from xenproof.image.disk.qcow2_header import MAGIC, Header, read_header
from xenproof.image.regular import open_regular

_LONGEST_CHAIN = 16
_RAW, _QCOW2 = "raw", "qcow2"
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


@dataclass(frozen=True, slots=True)
class _Opening:
    """What an image and all its backing files share."""

    files: ExitStack
    allowed: Allowed
    budget: Budget


def open_container(path: Path, files: ExitStack, backing: tuple[Path, ...], budget: Budget) -> Bytes:
    """The disk in the file at `path`; raises SourceError if it is neither a raw nor a qcow2 image.

    `backing` are the backing files that the user allows.  Opened files are closed with `files`; all reading is
    within the `budget`.
    """
    opening = _Opening(files, Allowed.of(backing), budget)
    return _disk(path, open_regular(path, files, follow=True), opening, ())


def _disk(path: Path, file: BinaryIO, opening: _Opening, above: tuple[Path, ...], kind: str = "") -> Bytes:
    """The disk in an open file; `kind` is its format if known, empty if its first bytes have to show it."""
    stream = Bytes(file, os.fstat(file.fileno()).st_size, str(path), whole=True, budget=opening.budget)
    head = stream.read(min(len(MAGIC), stream.size)) if stream.size else b""
    if kind == _RAW:
        return stream
    if other := next((name for magic, name in _OTHERS.items() if head.startswith(magic)), ""):
        raise SourceError(
            f"{path} is a {other} file, expected a raw or a qcow2 image; unpack it, or use `qemu-img convert -O qcow2`"
        )
    if head != MAGIC:
        if kind:
            raise SourceError(f"{path} is no {kind} image, which the image that is based on it says that it is")
        return stream
    header = read_header(path, stream)
    return open_qcow2(path, stream, header, _below(path, header, opening, above))


def _below(path: Path, header: Header, opening: _Opening, above: tuple[Path, ...]) -> Bytes | None:
    """The disk of the backing file of a qcow2, None if it has none."""
    if not header.backing:
        return None
    if header.backing_format not in ("", _RAW, _QCOW2):
        raise SourceError(
            f"{path} is based on a file of the format {header.backing_format!r}, raw and qcow2 are read: make one file "
            "of them with `qemu-img convert -O qcow2`"
        )
    real, file = opening.allowed.open(path, header.backing, opening.files)
    here = path.resolve()
    if real == here or real in above or len(above) >= _LONGEST_CHAIN:
        raise SourceError(f"{(*above, here)[0]} is based on itself, or on more than {_LONGEST_CHAIN} other files")
    disk = _disk(real, file, opening, (*above, here), header.backing_format)
    # A backing file that is too short is extended with zeros.
    return Bytes(cast(BinaryIO, disk), disk.size, disk.what, whole=False)
