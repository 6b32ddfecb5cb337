"""rpm's database as a file of SQLite, rpmdb.sqlite: what Fedora and its kin use since rpm 4.16, and openSUSE may."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from xenproof.errors import ParseError

# A table gives its rows in thousands of steps; a file that has something else there must not take for ever.
_STEPS, _MOST_CALLS = 100_000, 10_000


def sqlite_headers(data: bytes, log: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and header of each package; `log` is the file's write-ahead log, empty if it has none.

    Raises ParseError if the file is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="xenproof-rpm-") as folder:
        path = Path(folder) / "rpmdb.sqlite"
        path.write_bytes(data)
        if log:
            path.with_name("rpmdb.sqlite-wal").write_bytes(log)
        try:
            with closing(sqlite3.connect(path)) as database:
                database.text_factory = bytes  # a damaged text is no reason to end otherwise
                calls = iter(range(_MOST_CALLS))
                database.set_progress_handler(lambda: next(calls, None) is None, _STEPS)
                database.execute("PRAGMA trusted_schema = OFF")
                kind = database.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchone()
                if kind != (b"table",):
                    raise ParseError("rpm's database rpmdb.sqlite has no table Packages")
                for number, blob in database.execute("SELECT hnum, blob FROM Packages ORDER BY hnum"):
                    if not isinstance(number, int) or not isinstance(blob, bytes):
                        raise ParseError("rpm's database rpmdb.sqlite has a package that is no number and header")
                    yield number, blob
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise ParseError(f"rpm's database rpmdb.sqlite cannot be read: {error}") from error
