"""The disk in a qcow2 file: its tables are checked and cached here, a library of Dissect finds the clusters."""

import sys
from array import array
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from dissect.hypervisor.disk.qcow2 import QCow2

from xenproof.errors import SourceError, XenproofError
from xenproof.image.disk.disk_bytes import Bytes
from xenproof.image.disk.qcow2_header import Header

_COMPRESSED, _OFFSET = 1 << 62, 0x00FFFFFFFFFFFE00
# With the usual clusters of 64 KiB these cover 128 TiB.
_MOST_TABLES = 1 << 18
_KEPT_BYTES, _FEWEST_KEPT = 8 << 20, 4


class _Headed(Bytes):
    """The bytes of the file with a replaced header: the library sees only values that were checked here."""

    def __init__(self, stream: Bytes, head: bytes, cluster: int) -> None:
        super().__init__(cast(BinaryIO, stream), stream.size, stream.what, whole=True)
        # Zeros after it mark the end of the header's extensions.
        self._head = head.ljust(cluster, b"\0")

    def read(self, length: int = -1, /) -> bytes:
        begin = self._at
        data = super().read(length)
        head = self._head[begin : begin + len(data)]
        return head + data[len(head) :]


class _Table:
    """A second-level table that needs a tenth of the memory of the library's own."""

    def __init__(self, words: "array[int]", step: int) -> None:
        self._words = words
        self._step = step

    def entry(self, index: int) -> int:
        """The entry with that number."""
        return self._words[index * self._step]

    def bitmap(self, index: int) -> int:
        """The entry's bits for its subclusters, 0 if there are none."""
        return self._words[index * self._step + 1] if self._step > 1 else 0


def open_qcow2(path: Path, stream: Bytes, header: Header, backing: Bytes | None) -> Bytes:
    """The disk in the qcow2 `stream`; raises SourceError if it is damaged or cut off."""
    step = header.entry_bytes // 8
    first = _words(stream, header.entries_at, 8 * header.entries)
    _check_clusters(stream, header, first, step)
    cluster = 1 << header.cluster_bits
    try:
        found: Any = QCow2(cast(BinaryIO, _Headed(stream, header.plain(), cluster)))
        found.fh = found.data_file = stream
        found.l1_table = first
        kept = max(_FEWEST_KEPT, _KEPT_BYTES >> header.cluster_bits)
        found.l2_table = lru_cache(kept)(lambda at: _Table(_words(stream, at, cluster), step))
        # The library would search the backing file for another qcow2, which a guest may have written there.
        found.backing_file = backing
        opened = found.open()
    except XenproofError:
        raise
    except Exception as error:  # a library that reads hostile bytes may raise anything
        raise SourceError(f"{path} is no whole qcow2 image: {type(error).__name__}: {str(error)[:200]}") from error
    return Bytes(cast(BinaryIO, opened), header.size, str(path), whole=True, budget=stream.budget)


def _words(stream: Bytes, at: int, length: int) -> "array[int]":
    stream.seek(at)
    return _swapped(stream.read(length) if length else b"")


def _swapped(data: bytes) -> "array[int]":
    words = array("Q", data)
    if sys.byteorder == "little":
        words.byteswap()
    return words


def _check_clusters(stream: Bytes, header: Header, first: "array[int]", step: int) -> None:
    """Raise SourceError if a cluster of data or of a table is after the end of the file: it was cut off."""
    size = 1 << header.cluster_bits
    seen: set[int] = set()
    for entry in first:
        if not (table := entry & _OFFSET) or table in seen:
            continue
        seen.add(table)
        if len(seen) > _MOST_TABLES:
            raise SourceError(
                f"{stream.what} has more than {_MOST_TABLES} tables of clusters, more than are read: write it "
                "anew with `qemu-img convert -O qcow2 -o cluster_size=64k`"
            )
        if table % size:
            raise SourceError(f"{stream.what} is damaged: a table begins at byte {table}, within a cluster")
        if table + size > stream.size:
            raise SourceError(f"{stream.what} is cut off: a table begins at byte {table}, the file has {stream.size}")
        stream.seek(table)
        if not (data := stream.read(size)).strip(b"\0"):
            continue
        words = _swapped(data)
        last = max((word & _OFFSET for word in words[::step] if not word & _COMPRESSED), default=0)
        if last >= stream.size:
            raise SourceError(f"{stream.what} is cut off: its data go up to byte {last}, the file has {stream.size}")
