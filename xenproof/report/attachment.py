"""Logs and pictures that belong to a verdict, read for the page."""

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from xenproof.plain import log_text

TAIL_BYTES = 64 << 10
PICTURE_BYTES = 1 << 20
# By file name extension: the first bytes and the media type.  A browser runs no script of an SVG in an <img>.
_PICTURES = {".png": (b"\x89PNG\r\n\x1a\n", "image/png"), ".svg": (b"<?xml ", "image/svg+xml")}
PAGE_BYTES = 4 << 20  # all logs of one page together, so that a browser still opens it


@dataclass(frozen=True, slots=True)
class Attachment:
    """One log: its name, a link that is safe in a page, its size in bytes, and its end.

    `problem` is why there is no text, "" if there is.
    """

    name: str
    href: str
    size: int = 0
    tail: str = ""
    problem: str = ""

    @property
    def cut(self) -> bool:
        """Whether `tail` is only a part of the log."""
        return self.size > TAIL_BYTES


class Attachments:
    """The logs below a report's folder; a budget limits the bytes in one page."""

    def __init__(self, folder: Path) -> None:
        self._logs = folder / "logs"
        self._left = PAGE_BYTES

    def link(self, name: str) -> str:
        """The link from the page to the log `name`: always below logs/, whatever the name is."""
        return "logs/" + (quote(name, safe="") if _is_file_name(name) else "")

    def read(self, name: str) -> Attachment:
        """The end of the log `name`, without escape sequences; never raises: see `Attachment.problem`."""
        href = self.link(name)
        if not _is_file_name(name):
            return Attachment(name, href, problem="this is not the name of a file in logs/")
        if self._left <= 0:
            return Attachment(name, href, problem="not shown, the page is long enough; open the file")
        try:
            size, data = _tail(self._logs / name)
        except OSError as error:
            why = error.strerror or str(error)
            return Attachment(name, href, problem=f"cannot be read: {why}")
        self._left -= len(data)
        if size > len(data):
            data = data.partition(b"\n")[2] or data  # not half a line
        return Attachment(name, href, size, log_text(data.decode("utf-8", "replace")))

    def picture(self, name: str) -> Markup:
        """The picture `name` as a data URL, "" where it is no picture or too large for the page."""
        if not is_picture(name) or not _is_file_name(name):
            return Markup()
        try:
            size, data = _tail(self._logs / name, PICTURE_BYTES)
        except OSError:
            return Markup()
        begin, media = _PICTURES[name[-4:]]
        if size > min(PICTURE_BYTES, self._left) or not data.startswith(begin):
            return Markup()
        self._left -= size
        encoded = base64.b64encode(data).decode()
        return Markup(f"data:{media};base64,{encoded}")  # noqa: S704  # letters, digits, +, / and =


def is_picture(name: str) -> bool:
    """Whether an attachment is a picture, by its name."""
    return name.endswith(tuple(_PICTURES))


def _is_file_name(name: str) -> bool:
    """Whether `name` can only be the name of a file, without a path."""
    return name.isprintable() and "/" not in name and name not in ("", ".", "..") and len(name) <= 255


def _tail(path: Path, most: int = TAIL_BYTES) -> tuple[int, bytes]:
    """Size and last bytes of a regular file; refuses links and pipes, as the folder's content comes from others."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise OSError("it is not a regular file")
        file.seek(max(0, about.st_size - most))
        return about.st_size, file.read(most)
