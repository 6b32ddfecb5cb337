"""Opening what has to be a regular file: a FIFO, a socket or a device would wait, or act, when it is opened or read."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from xenproof.errors import SourceError

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_regular(path: Path, files: ExitStack, *, follow: bool) -> BinaryIO:
    """The file at `path`, closed with `files`; `follow` says whether a link at its end is followed.

    Raises SourceError if it cannot be opened or is no regular file.
    """
    try:
        if not stat.S_ISREG((path.stat() if follow else path.lstat()).st_mode):
            raise SourceError(f"cannot read the image {path}: it is no regular file")
        # It may have become something else since.
        number = os.open(path, _FLAGS | (0 if follow else os.O_NOFOLLOW))
        file = files.enter_context(os.fdopen(number, "rb"))
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise SourceError(f"cannot read the image {path}: it is no regular file")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"cannot read the image {path}: {reason}") from error
    return file
