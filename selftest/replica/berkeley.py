"""The replica's database in the format that SLES 12 has: Berkeley DB, which rpm has only read since 4.16.

Headers and indexes are taken from the SQLite database that rpm wrote, and loaded by the tool of Berkeley DB.
"""

import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

from selftest.replica.commands import program, run

SQLITE = "rpmdb.sqlite"
_LOAD = "db5.3_load"
# An index has these columns: what is looked for, the number of a package, and the place in its list.
_COLUMNS = "key hnum idx"


def to_berkeley(folder: Path) -> None:
    """Put databases of Berkeley DB in place of the SQLite database in `folder`."""
    uri = f"file:{folder / SQLITE}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        headers = dict(database.execute("SELECT hnum, blob FROM Packages"))
        _load(folder / "Packages", "hash", _packages(headers))
        for name in _indexes(database):
            _load(folder / name, "btree", _index(database, name))
    for path in folder.glob(f"{SQLITE}*"):
        path.unlink()


def _indexes(database: sqlite3.Connection) -> list[str]:
    # More than rpm 4.11 had: the rpm that reads this warns of each that is missing.
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {name: [row[1] for row in database.execute(f"PRAGMA table_info('{name}')")] for name in tables}
    return [name for name, found in columns.items() if " ".join(found) == _COLUMNS]


def _packages(headers: Mapping[int, bytes]) -> Iterator[tuple[bytes, bytes]]:
    # The entry 0 holds the highest number that was given.
    yield struct.pack("=I", 0), struct.pack("=I", max(headers))
    for number, header in headers.items():
        yield struct.pack("=I", number), header


def _index(database: sqlite3.Connection, name: str) -> Iterator[tuple[bytes, bytes]]:
    rows: dict[bytes, bytes] = defaultdict(bytes)
    for key, number, at in database.execute(f"SELECT key, hnum, idx FROM '{name}' ORDER BY key, hnum, idx"):  # noqa: S608
        rows[key if isinstance(key, bytes) else key.encode()] += struct.pack("=II", number, at)
    yield from rows.items()


def _load(path: Path, kind: str, rows: Iterator[tuple[bytes, bytes]]) -> None:
    lines = ["VERSION=3", "format=bytevalue", f"type={kind}", "HEADER=END"]
    lines += [f" {part.hex()}" for row in rows for part in row]
    text = "\n".join([*lines, "DATA=END", ""])
    run([program(_LOAD), str(path)], stdin=text)
