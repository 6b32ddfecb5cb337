"""A small VNC client: password, and the whole screen as a picture.

Source: RFC 6143, The Remote Framebuffer Protocol.  All numbers are big-endian.  A server's bytes are data: their
lengths are bounded.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from xenproof.errors import XenproofError
from xenproof.guest.display.wire import Wire

_VERSION = b"RFB 003.008\n"
_NONE, _BY_PASSWORD = 1, 2
_INIT = struct.Struct(">HH16sI")  # width, height, pixel format, length of the name
# 32 bits a pixel, depth 24, little-endian, true colour; red, green and blue with 255 at most, at bits 16, 8 and 0.
_PIXELS = struct.pack(">Bxxx BBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
_RAW, _SIZE = 0, -223
_ENCODINGS = struct.pack(">BxHii", 2, 2, _RAW, _SIZE)
_REQUEST = struct.Struct(">BBHHHH")  # 3, incremental, x, y, width, height
_RECTANGLE = struct.Struct(">HHHHi")
_UPDATE, _COLOURS, _BELL, _CUT_TEXT = range(4)

_LARGEST_SIDE = 4096
_LARGEST_TEXT = 1 << 20
_MOST_MESSAGES = 1000
_MOST_SIZES = 20


class VncError(XenproofError):
    """The server violates the RFB protocol, or does not answer within the limit."""


class VncRefused(VncError):
    """The server refuses the password, or requires one."""


@contextmanager
def session(host: str, port: int, password: str = "", *, limit_s: float = 20.0) -> Iterator["VncSession"]:
    """A session with the server; raises VncRefused for a wrong password, and VncError for any other failure."""
    try:
        connected = socket.create_connection((host, port), timeout=limit_s)
    except OSError as error:
        raise VncError(f"no VNC server answers at {host}:{port}: {error}") from error
    with connected:
        yield VncSession(connected, password)


class VncSession:
    """A session that the server accepted; the screen is `width` x `height` pixels."""

    def __init__(self, connected: socket.socket, password: str) -> None:
        self._wire = Wire(
            connected,
            VncError,
            broke="the VNC server broke the connection",
            ended="the VNC server ended the connection",
        )
        version = self._wire.read(len(_VERSION))
        if not version.startswith(b"RFB 003."):
            raise VncError(f"the server says {version!r}, expected {_VERSION!r}")
        self._wire.write(_VERSION)
        self._enter(password)
        self._wire.write(b"\1")  # other clients may stay
        self.width, self.height, _, length = _INIT.unpack(self._wire.read(_INIT.size))
        self._skip(length)
        self._check_size(self.width, self.height)

    def picture(self) -> bytes:
        """The whole screen, as a binary PPM."""
        self._wire.write(_PIXELS + _ENCODINGS)
        for _ in range(_MOST_SIZES):
            size = (self.width, self.height)
            screen = self._whole()
            if size == (self.width, self.height):
                return b"P6\n%d %d\n255\n" % size + screen
        raise VncError("the VNC server's screen changed its size again and again")

    def _whole(self) -> bytes:
        """All pixels of the screen, or those that arrived before its size changed."""
        screen, size = bytearray(3 * self.width * self.height), (self.width, self.height)
        self._wire.write(_REQUEST.pack(3, 0, 0, 0, *size))
        missing = self.width * self.height
        for _ in range(_MOST_MESSAGES):
            missing -= self._update(screen)
            if missing <= 0 or size != (self.width, self.height):
                return bytes(screen)
        raise VncError("the VNC server did not send the whole screen")

    def _enter(self, password: str) -> None:
        kinds = self._wire.read(self._wire.read(1)[0])
        if not kinds:
            raise VncRefused(f"the VNC server refuses the connection: {self._text()!r}")
        if _BY_PASSWORD in kinds and password:
            self._wire.write(bytes([_BY_PASSWORD]))
            self._wire.write(_answer(self._wire.read(16), password))
        elif _NONE in kinds:
            self._wire.write(bytes([_NONE]))
        else:
            raise VncRefused(f"the VNC server wants a password (it offers the security types {list(kinds)})")
        if int.from_bytes(self._wire.read(4), "big"):
            raise VncRefused(f"the VNC server refuses the password: {self._text()!r}")

    def _update(self, screen: bytearray) -> int:
        """Read one message; returns the number of pixels in it."""
        kind = self._wire.read(1)[0]
        if kind == _UPDATE:
            return sum(self._rectangle(screen) for _ in range(int.from_bytes(self._wire.read(3)[1:], "big")))
        if kind == _COLOURS:
            self._skip(6 * int.from_bytes(self._wire.read(5)[3:], "big"))
        elif kind == _CUT_TEXT:
            self._skip(int.from_bytes(self._wire.read(7)[3:], "big"))
        elif kind != _BELL:
            raise VncError(f"the VNC server sent a message {kind}, expected an update of the screen")
        return 0

    def _rectangle(self, screen: bytearray) -> int:
        x, y, width, height, encoding = _RECTANGLE.unpack(self._wire.read(_RECTANGLE.size))
        if encoding == _SIZE:
            self._check_size(width, height)
            self.width, self.height = width, height
            return 0
        if (
            encoding != _RAW
            or len(screen) != 3 * self.width * self.height
            or x + width > self.width
            or y + height > self.height
        ):
            raise VncError(
                f"the VNC server sent {width} x {height} pixels at {x}, {y} in encoding {encoding}, expected raw ones "
                f"on a screen of {self.width} x {self.height}"
            )
        for row in range(y, y + height):
            line = self._wire.read(4 * width)
            at = 3 * (row * self.width + x)
            for colour in range(3):  # blue, green, red, and an unused byte
                screen[at + colour : at + 3 * width : 3] = line[2 - colour :: 4]
        return int(width * height)

    def _text(self) -> str:
        size = int.from_bytes(self._wire.read(4), "big")
        return self._wire.read(min(size, 1024)).decode("utf-8", "replace")

    def _skip(self, size: int) -> None:
        if size > _LARGEST_TEXT:
            raise VncError(f"the VNC server announces {size} bytes, more than is accepted")
        self._wire.read(size)

    @staticmethod
    def _check_size(width: int, height: int) -> None:
        if not (0 < width <= _LARGEST_SIDE and 0 < height <= _LARGEST_SIDE):
            raise VncError(
                f"the VNC server's screen is {width} x {height}, expected one of 1 to {_LARGEST_SIDE} pixels"
            )


def _answer(challenge: bytes, password: str) -> bytes:
    """The challenge, encrypted with DES; its key is the password with the bits of each byte reversed."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode("latin-1", "replace")[:8].ljust(8, b"\0"))
    encryptor = Cipher(TripleDES(key * 3), ECB()).encryptor()  # noqa: S305  # required by the protocol
    return encryptor.update(challenge) + encryptor.finalize()
