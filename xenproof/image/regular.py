"""Opens regular files only: opening or reading a FIFO, a socket or a device could block or have side effects."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from xenproof.errors import SourceError

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_regular(path: Path, files: ExitStack, *, follow: bool) -> BinaryIO:
    """The file at `path`, closed with `files`; `follow` is whether a link at the end of the path is followed.

    Raises SourceError if it cannot be opened or is not a regular file.
    """
    try:
        if not stat.S_ISREG((path.stat() if follow else path.lstat()).st_mode):
            raise SourceError(f"cannot read the image {path}: it is no regular file")
        # The path may name another kind of file by now.
        number = os.open(path, _FLAGS | (0 if follow else os.O_NOFOLLOW))
        file = files.enter_context(os.fdopen(number, "rb"))
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise SourceError(f"cannot read the image {path}: it is no regular file")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"cannot read the image {path}: {reason}") from error
    return file
