"""Writes a run's reports, each whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from xenproof.errors import XenproofError
from xenproof.report.html import render_html
from xenproof.report.json_report import render_json
from xenproof.report.junit import render_junit
from xenproof.report.verdict import Run

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def write_reports(run: Run, folder: Path) -> None:
    """Write results.json, junit.xml and report.html into `folder`; consoles are read from its `logs/`.

    A file that cannot be written does not stop the next one.  Raises XenproofError, at the end,
    that names each of them and what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise XenproofError(_why(folder, "the reports", error)) from error
    problems: list[str] = []
    # Programs first: where the disk is nearly full, the smaller files are worth more.
    problems += _written(folder / "results.json", render_json(run))
    problems += _written(folder / "junit.xml", render_junit(run))
    problems += _written(folder / "report.html", render_html(run, folder))
    if problems:
        raise XenproofError("\n".join(problems))


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Replace `path` by `pieces` in one step, so that no reader ever sees half of it; raises OSError."""
    rest = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with rest.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        rest.replace(path)
    finally:
        rest.unlink(missing_ok=True)


def _written(path: Path, pieces: Iterable[str]) -> list[str]:
    try:
        write_whole(path, pieces)
    except OSError as error:
        return [_why(path.parent, path.name, error)]
    return []


def _why(folder: Path, name: str, error: OSError) -> str:
    if error.errno in _FULL:
        remedy = "the disk is full or its quota is used up: free some space there, or name another folder with --report"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "this user may not write there: make the folder writable, or name another one with --report"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        remedy = "a file stands where the folder should be: remove it, or name another folder with --report"
    else:
        remedy = "name another folder with --report"
    return f"cannot write {name} into {folder} ({error.strerror}); {remedy}, then run again"
