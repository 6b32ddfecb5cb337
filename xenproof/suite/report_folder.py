"""The folder of a run's report: cleared of a former run's files, and locked so that no two runs share it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from xenproof.errors import UsageError
from xenproof.report.write import FILES

_LOCK = ".lock"
_MOST = 100


class ReportFolder:
    """The folder where this run writes its report; `note` is why that is not the wanted one, "" if it is.

    While another run uses the wanted folder, the next free one beside it is used: `latest-2` for `latest`.
    """

    def __init__(self, wanted: Path) -> None:
        """Lock the folder and remove the files of a former run from it; raises UsageError where that fails."""
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
        """Unlock the folder for other runs; a second call does nothing."""
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
            return True  # a file system without locks cannot keep two runs apart
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
