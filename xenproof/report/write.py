"""Writes a run's reports, each completely or not at all."""

import errno
from collections.abc import Callable, Iterable
from pathlib import Path

from xenproof.errors import XenproofError
from xenproof.regular_file import write_whole
from xenproof.report.html import render_html
from xenproof.report.junit import render_junit
from xenproof.results.json_file import render_json
from xenproof.results.results import Results

FILES = ("results.json", "junit.xml", "report.html")
"""What a report consists of, beside its `logs/`.  Programs first: where the disk is nearly full, the smaller files are
worth more."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_reports(results: Results, folder: Path) -> None:
    """Write results.json, junit.xml and report.html into `folder`; consoles are read from its `logs/`.

    A file that cannot be written does not stop the next one.  Raises XenproofError at the end, with
    the names of all those files and what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise XenproofError(f"cannot write the reports into {folder}: {_why(error)}") from error
    renderers: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: render_json(results),
        lambda: render_junit(results),
        lambda: render_html(results, folder),
    )
    why: dict[str, list[str]] = {}
    for name, render in zip(FILES, renderers, strict=True):
        try:
            write_whole(folder / name, render())
        except OSError as error:
            why.setdefault(_why(error), []).append(name)
        except Exception as error:  # noqa: BLE001  # an error in one file must not prevent the others
            why.setdefault(f"an error of xenproof itself: {type(error).__name__}: {error}", []).append(name)
    if why:
        lost = (f"cannot write {', '.join(names)} into {folder}: {reason}" for reason, names in why.items())
        raise XenproofError("; ".join(lost))


def _why(error: OSError) -> str:
    if error.errno in _FULL:
        remedy = "the disk is full or its quota is used up: free some space there, or name another folder with --report"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "this user may not write there: make the folder writable, or name another one with --report"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        remedy = "a file stands where the folder should be: remove it, or name another folder with --report"
    else:
        remedy = "name another folder with --report"
    return f"{error.strerror}; {remedy}, then run again"
