"""The bytes of a compressed archive, piece by piece, to its very end, with limits on memory and size."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from xenproof.errors import SourceError

# The need of `xz -9` and some reserve; a dictionary could otherwise have 4 GiB.
_MOST_XZ_MEMORY = 80 << 20
# Programs that compress in parallel write one stream for each piece of 128 kB or more.
_MOST_STREAMS = 50_000
_PIECE = 1 << 16


class _Decoder(Protocol):
    """The interface of the decoders in bz2 and lzma: they keep input that they have not used yet."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """One member of a gzip file; its checksum and its length are verified."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


_KINDS: tuple[tuple[bytes, Callable[[], _Decoder]], ...] = (
    (b"\x1f\x8b", _Gzip),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_XZ_MEMORY)),
)


def decoder_of(head: bytes) -> Callable[[], _Decoder] | None:
    """The class of decoders for a file that begins with `head`, None if it is not compressed."""
    return next((make for magic, make in _KINDS if head.startswith(magic)), None)


class Unpacked:
    """The bytes in a compressed file.  A file that lost its last bytes raises EOFError instead of ending."""

    def __init__(self, file: BinaryIO, make: Callable[[], _Decoder], name: str) -> None:
        self._file = file
        self._make = make
        self._name = name
        self._decoder = make()
        self._streams = 1

    def read(self, length: int, /) -> bytes:
        """Up to `length` bytes, none at the end.

        Raises EOFError, OSError, lzma.LZMAError or zlib.error if it is truncated or damaged, SourceError
        if it consists of too many pieces.
        """
        rest = b""
        while True:
            if self._decoder.eof and not (rest := self._next_stream()):
                return b""
            if data := self._decoder.decompress(rest, length):
                return data
            rest = b""
            if not self._decoder.eof and not (rest := self._file.read(_PIECE)):
                raise EOFError("the compressed file ends too early")

    def _next_stream(self) -> bytes:
        """Begin the next stream; returns its first bytes, none if there is none."""
        rest = self._decoder.unused_data.lstrip(b"\0")
        while not rest and (piece := self._file.read(_PIECE)):
            rest = piece.lstrip(b"\0")  # zeros that pad a file, on a tape or between streams
        if rest:
            self._streams += 1
            if self._streams > _MOST_STREAMS:
                raise SourceError(
                    f"{self._name} is made of more than {_MOST_STREAMS:,} compressed streams, so it is no supportconfig"
                )
            self._decoder = self._make()
        return rest
