"""qcow2 files that nobody should write, from their header's fields on."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_FEATURES = struct.Struct(">QQQII")
BACKING_FORMAT, DATA_FILE_NAME = 0xE2792ACA, 0x44415441
_SIZE_AT = 24
_EMPTY: Mapping[int, bytes] = {}


def make_qcow2(
    path: Path,
    *,
    clusters: Mapping[int, bytes] = _EMPTY,
    backing: str = "",
    extensions: Sequence[tuple[int, bytes]] = (),
    version: int = 3,
    cluster_bits: int = 16,
    size: int = 64 << 20,
    features: int = 0,
    entries: int | None = None,
    name_length: int | None = None,
) -> Path:
    """A file with those clusters of the guest's disk; all others are left to the backing file.

    `entries` and `name_length` are what the header says in place of the truth.
    """
    cluster = 1 << cluster_bits
    in_table = cluster // 8
    tables = max(1, -(-size // (cluster * in_table)))
    first_clusters = -(-8 * tables // cluster)
    # Header, first table, second tables, data.
    data_at = 1 + first_clusters + tables
    words = [[0] * in_table for _ in range(tables)]
    for place, number in enumerate(clusters, data_at):
        words[number // in_table][number % in_table] = place * cluster | 1 << 63
    first = [(1 + first_clusters + at) * cluster | 1 << 63 for at in range(tables)]
    extra = b"".join(
        struct.pack(">II", mark, len(text)) + text.ljust(-(-len(text) // 8) * 8, b"\0") for mark, text in extensions
    )
    length = 104 if version > 2 else _HEADER.size
    name = backing.encode("utf-8", "surrogateescape")
    name_at = length + len(extra) + 8 if name or name_length else 0
    named = len(name) if name_length is None else name_length
    table_entries = tables if entries is None else entries
    head = _HEADER.pack(b"QFI\xfb", version, name_at, named, cluster_bits, size, 0, table_entries, cluster, 0, 0, 0, 0)
    if version > 2:
        head += _FEATURES.pack(features, 0, 0, 4, length)
    head += extra + bytes(8) + name
    with path.open("wb") as out:
        out.write(head.ljust(cluster, b"\0"))
        out.write(struct.pack(f">{tables}Q", *first).ljust(first_clusters * cluster, b"\0"))
        for table in words:
            out.write(struct.pack(f">{in_table}Q", *table))
        for data in clusters.values():
            out.write(data.ljust(cluster, b"\0"))
    return path


def clusters_of(disk: bytes, cluster_bits: int, left_out: frozenset[int] = frozenset()) -> dict[int, bytes]:
    """The clusters of a disk that hold anything, but for those that are left to the backing file."""
    cluster = 1 << cluster_bits
    pieces = {at: disk[at * cluster : (at + 1) * cluster] for at in range(-(-len(disk) // cluster))}
    return {at: data for at, data in pieces.items() if at not in left_out and any(data)}


def make_one_table_of_many(path: Path, entries: int, cluster_bits: int = 16) -> Path:
    """A file whose first table has many entries, all for one second table."""
    cluster = 1 << cluster_bits
    make_qcow2(path, cluster_bits=cluster_bits, size=cluster, entries=entries)
    table_at = (1 + -(-8 * entries // cluster)) * cluster
    with path.open("r+b") as out:
        out.seek(_SIZE_AT)
        out.write(struct.pack(">Q", entries * cluster * cluster // 8))
        out.seek(cluster)
        out.write(struct.pack(">Q", table_at | 1 << 63) * entries)
        out.truncate(table_at)
        out.truncate(table_at + cluster)
    return path
