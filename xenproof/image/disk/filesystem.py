"""Opens the file system in a part of a disk, by its signature."""

from xenproof.errors import SourceError
from xenproof.image.disk.btrfs import open_btrfs
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.dissect_node import FileSystem, SharedReading, reading
from xenproof.image.disk.ext import open_ext
from xenproof.image.disk.signature import BTRFS, EXT, XFS
from xenproof.image.disk.xfs import open_xfs


def open_filesystem(kind: str, stream: Bytes, where: str, shared: SharedReading) -> FileSystem:
    """The file system with that signature in `stream`; raises SourceError with `where` if it cannot be read."""
    with reading(f"the file system {kind} in {where}"):
        found = {EXT: open_ext, XFS: open_xfs, BTRFS: open_btrfs}[kind](stream, where, shared)
    if found.size > stream.size:
        raise SourceError(
            f"the file system {found.type} in {where} is cut off: it has {found.size} bytes, {stream.size} are there"
        )
    return found
