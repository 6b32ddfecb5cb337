"""The folder of a run's report: emptied of a former run's files, and one run's at a time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from xenproof.errors import UsageError
from xenproof.report.write import FILES

_LOCK = ".lock"
_MOST = 100


class ReportFolder:
    """Where this run writes its report, and `note`: why that is not where the user wanted it, "" if it is.

    While another run writes into the wanted folder, the next free one beside it is taken: `latest-2` for `latest`.
    """

    def __init__(self, wanted: Path) -> None:
        """Take the folder and empty it of what a former run of ours left there; raises UsageError if that cannot be."""
        self.path, self.note = wanted, ""
        self._lock: FileLock | None = None
        try:
            for folder in _choices(wanted):
                folder.mkdir(parents=True, exist_ok=True)
                if self._take(folder):
                    break
            else:
                raise UsageError(f"{wanted} and {_MOST - 1} folders beside it are in use by other runs")
            if self.path != wanted:
                self.note = f"{wanted} is in use by another run, so the report of this one is in {self.path}"
            _empty(self.path)
        except OSError as error:
            self.release()
            raise UsageError(
                f"cannot write the report to {self.path}: {error.strerror}; name another folder with --report"
            ) from error

    def release(self) -> None:
        """Let other runs have it; a second call does nothing."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.release()
            self._lock = None

    def _take(self, folder: Path) -> bool:
        lock = FileLock(folder / _LOCK, timeout=0)
        self.path = folder
        try:
            lock.acquire()
        except Timeout:
            return False
        except NotImplementedError:
            return True  # a file system that knows no locks keeps no two runs apart
        self._lock = lock
        return True


def _choices(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in range(2, _MOST + 1):
        yield wanted.with_name(f"{wanted.name}-{number}")


def _empty(folder: Path) -> None:
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    for old in (*logs.iterdir(), *(folder / name for name in FILES)):
        if old.is_file() or old.is_symlink():
            old.unlink()
