"""rpm's database as an SQLite file, rpmdb.sqlite: used by Fedora and its kin since rpm 4.16, possibly by openSUSE."""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from xenproof.errors import NotEvaluable, ParseError

# A table returns its rows in thousands of steps; a hostile schema must not take for ever.
_STEPS, _MOST_CALLS = 100_000, 10_000
_MOST_MEMORY_BYTES, _MOST_VALUE_BYTES = 128 << 20, 32 << 20


def sqlite_headers(data: Iterable[bytes], log: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number and header of each package; `data` are the pieces of the file, `log` those of its write-ahead log.

    Raises ParseError if the file is damaged, NotEvaluable if there is no space for a copy of it.
    """
    with tempfile.TemporaryDirectory(prefix="xenproof-rpm-") as folder:
        path = Path(folder) / "rpmdb.sqlite"
        try:
            _write(path, data)
            _write(path.with_name("rpmdb.sqlite-wal"), log)
            with closing(sqlite3.connect(path)) as database:
                database.text_factory = bytes  # a text with damaged encoding must not raise
                calls = iter(range(_MOST_CALLS))
                database.set_progress_handler(lambda: next(calls, None) is None, _STEPS)
                database.execute("PRAGMA trusted_schema = OFF")
                database.execute(f"PRAGMA hard_heap_limit = {_MOST_MEMORY_BYTES}")
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_VALUE_BYTES)
                kind = database.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchone()
                if kind != (b"table",):
                    raise ParseError("rpm's database rpmdb.sqlite has no table Packages")
                for number, blob in database.execute("SELECT hnum, blob FROM Packages ORDER BY hnum"):
                    if not isinstance(number, int) or not isinstance(blob, bytes):
                        raise ParseError("rpm's database rpmdb.sqlite has a package that is no number and header")
                    yield number, blob
        except OSError as error:
            raise NotEvaluable(f"rpm's database rpmdb.sqlite cannot be copied to {folder}: {error.strerror}") from error
        except (sqlite3.Error, ValueError, OverflowError, MemoryError) as error:
            raise ParseError(f"rpm's database rpmdb.sqlite cannot be read: {error}") from error


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with path.open("wb") as out:
        for piece in pieces:
            out.write(piece)
    if not path.stat().st_size:
        path.unlink()
