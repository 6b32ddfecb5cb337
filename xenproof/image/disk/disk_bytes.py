"""The bytes of a disk, or of a part of it, with limits on the size of one read and on the total time."""

import io
import os
from typing import BinaryIO

from xenproof.errors import SourceError, XenproofError
from xenproof.image.budget import Budget

# The largest table that is read in one piece is the first one of a qcow2.
MOST_AT_ONCE = 32 << 20


class Bytes(io.RawIOBase):
    """A stream that always returns the requested length: after its end come zeros, as for a larger disk.

    With `whole`, a read that begins at the end or after it raises EOFError: that part was cut off.
    `what` is its name in errors.  Every read checks the time of the `budget`; without one, the budget of the
    underlying stream is used.
    """

    def __init__(self, stream: BinaryIO, size: int, what: str, *, whole: bool, budget: Budget | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._whole = whole
        self._at = 0
        self.size = size
        self.what = what
        self.budget: Budget = budget or getattr(stream, "budget", None) or Budget()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, which may be after the end."""
        self._at = offset + (0, self._at, self.size)[whence]
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, length: int = -1, /) -> bytes:
        """`length` bytes from the position on, all until the end if it is negative."""
        self.budget.check()
        if length < 0:
            length = max(0, self.size - self._at)
        if length > MOST_AT_ONCE:
            raise SourceError(
                f"{self.what} is damaged: {length} bytes are to be read at once, at most {MOST_AT_ONCE} are"
            )
        if self._whole and length and self._at >= self.size:
            raise EOFError(f"byte {self._at} of {self.size} was asked for")
        there = max(0, min(length, self.size - self._at))
        data = self._read_at(self._at, there) if there else b""
        self._at += length
        return data.ljust(length, b"\0")

    def _read_at(self, at: int, length: int) -> bytes:
        try:
            self._stream.seek(at)
            return self._stream.read(length)
        except XenproofError:
            raise
        except Exception as error:  # a library that reads hostile bytes may raise anything
            raise SourceError(f"{self.what} is damaged or cut off: {type(error).__name__}: {error}") from error
