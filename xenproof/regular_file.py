"""Reads and writes files that a user names: regular files only, with a size limit, and never half of one."""

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path


def read_regular(path: Path, most_bytes: int) -> bytes:
    """The bytes of the regular file at `path`; raises OSError with a reason if it is not one or is too large.

    Another kind of file is not even opened: a FIFO would wait for ever, and a device may act on it.
    """
    _check(path.stat(), path, most_bytes)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(handle, "rb") as file:
        # The path may name another file by now, and the file may grow.
        _check(os.fstat(handle), path, most_bytes)
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise _too_large(path, most_bytes)
    return data


def write_whole(path: Path, pieces: Iterable[str]) -> None:
    """Replace `path` by `pieces` in one step, so that no reader sees an incomplete file; raises OSError."""
    rest = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with rest.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        rest.replace(path)
    finally:
        rest.unlink(missing_ok=True)


def _check(about: os.stat_result, path: Path, most_bytes: int) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a directory, expected a file", str(path))
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if about.st_size > most_bytes:
        raise _too_large(path, most_bytes)


def _too_large(path: Path, most_bytes: int) -> OSError:
    limit = f"{most_bytes >> 20} MiB" if most_bytes >= 1 << 20 else f"{most_bytes} bytes"
    return OSError(errno.EFBIG, f"it is larger than {limit}, more than is read of such a file", str(path))
