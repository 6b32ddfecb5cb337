"""Data that the workers of one run share about one host: a small table in a file, behind a lock."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xenproof.errors import GuestError

Table = dict[str, dict[str, str]]
LOCK_LIMIT_S = 120.0


class SharedTable:
    """A table of text, read and written as one step by any process of the run."""

    def __init__(self, run_folder: Path, host: str, subject: str) -> None:
        key = hashlib.sha256(host.encode()).hexdigest()[:12]
        self._path = run_folder / f"{subject}-{key}.json"

    @contextmanager
    def held(self, limit_s: float = LOCK_LIMIT_S) -> Iterator[Table]:
        """The table, locked for the caller; its content is stored at the end, unless an error ends the context.

        Raises GuestError where another process holds the lock for longer than `limit_s`.
        """
        try:
            with FileLock(self._path.with_suffix(".lock"), timeout=limit_s):
                table: Table = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}
                yield table
                fresh = self._path.with_suffix(".new")
                fresh.write_text(json.dumps(table), "utf-8")
                fresh.replace(self._path)
        except Timeout as error:
            raise GuestError(f"{self._path} was held by another worker for {limit_s:.0f} s; end it") from error


def is_alive(process: str) -> bool:
    """Whether the process with this number runs on this machine, so that its entries are still valid."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
