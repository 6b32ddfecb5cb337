"""A folder of the cache that is made once for all runs, completely or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from xenproof.errors import LabError
from xenproof.run.cache import made, require_space


def made_once(final: Path, make: Callable[[Path], object], *, need_gib: float, purpose: str) -> Path:
    """`final`; if it does not exist, `make` fills a folder, which is then renamed to `final`.

    A killed run leaves that folder under its former name; the next run removes it.  Raises LabError where less than
    `need_gib` GiB are free, or a file cannot be written.
    """
    if final.is_dir():
        return final
    with FileLock(final.parent / f"{final.name}.lock"):
        if not final.is_dir():
            work = final.parent / f"{final.name}.building"
            shutil.rmtree(work, ignore_errors=True)
            require_space(final.parent, need_gib, purpose)
            try:
                make(made(work))
                work.rename(final)
            except OSError as error:
                raise LabError(f"{purpose} in {work} failed: {error}") from error
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return final
