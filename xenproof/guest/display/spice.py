"""A small SPICE client: link, ticket, main channel, display channel up to the first surface.

Source: the SPICE protocol specification of spice-protocol, spice/protocol.h and spice/enums.h.  All numbers are
little-endian.  A server's bytes are data: their lengths are bounded.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from xenproof.errors import XenproofError
from xenproof.guest.display.wire import Wire

_MAGIC = b"REDQ"
_VERSION = (2, 2)
_HEADER = struct.Struct("<4sIII")  # magic, major, minor, size of what follows
_LINK = struct.Struct("<IBBIII")  # connection id, channel type, channel id, common and channel capabilities, offset
_REPLY = struct.Struct("<I162sIII")  # error, public key, common and channel capabilities, offset
_MINI = struct.Struct("<HI")  # type, size
_INIT = struct.Struct("<IIIIIIII")  # session, display hint, mouse modes, mouse mode, agent, tokens, time, ram hint
_SURFACE = struct.Struct("<IIIII")  # id, width, height, format, flags

_AUTH_SELECTION, _AUTH_SPICE, _MINI_HEADER = 0, 1, 3
_COMMON = 1 << _AUTH_SELECTION | 1 << _AUTH_SPICE | 1 << _MINI_HEADER
_BY_TICKET = 1

_SET_ACK, _PING, _DISCONNECTING, _NOTIFY = 3, 4, 6, 7
_ACK_SYNC, _ACK, _PONG = 1, 2, 3
_MAIN_INIT, _MAIN_CHANNELS, _MAIN_ATTACH = 103, 104, 104
_DISPLAY_INIT, _DISPLAY_SURFACE = 101, 314

_LARGEST = 16 << 20
# The most messages before the awaited one: a display channel also sends the screen's content.
_MOST_MESSAGES = 1000


class Channel(IntEnum):
    """The kinds of channels of a session."""

    MAIN = 1
    DISPLAY = 2
    INPUTS = 3
    CURSOR = 4


class LinkResult(IntEnum):
    """A server's answer to a link or a ticket."""

    OK = 0
    ERROR = 1
    INVALID_MAGIC = 2
    INVALID_DATA = 3
    VERSION_MISMATCH = 4
    NEED_SECURED = 5
    NEED_UNSECURED = 6
    PERMISSION_DENIED = 7
    BAD_CONNECTION_ID = 8
    CHANNEL_NOT_AVAILABLE = 9


class SpiceError(XenproofError):
    """The server violates the SPICE protocol, or does not answer within the limit."""


class SpiceRefused(SpiceError):
    """The server refuses the link or the ticket; `result` is its answer."""

    def __init__(self, what: str, result: LinkResult) -> None:
        super().__init__(f"{what} was refused by the SPICE server: {result.name}")
        self.result = result


class SpiceUntrusted(SpiceError):
    """The server has no certificate of the trusted authority for the expected name."""


@dataclass(frozen=True, slots=True)
class SpiceAddress:
    """The address of a server; with `ca` the connection is encrypted, and that authority must certify `name`."""

    host: str
    port: int
    ca: Path | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session as the main channel describes it: its number, its channels, whether the guest's agent is connected."""

    number: int
    channels: tuple[tuple[int, int], ...]
    agent: bool
    mouse_modes: int


@dataclass(frozen=True, slots=True)
class Surface:
    """The primary surface of a display, in pixels."""

    width: int
    height: int


@contextmanager
def session(address: SpiceAddress, password: str = "", *, limit_s: float = 20.0) -> Iterator["SpiceSession"]:
    """A session with the server; raises SpiceRefused for a wrong password, and SpiceError for any other failure."""
    main = _Link(address, Channel.MAIN, 0, 0, password, limit_s)
    try:
        yield SpiceSession(address, password, limit_s, main)
    finally:
        main.close()


class SpiceSession:
    """A session whose ticket the server accepted."""

    def __init__(self, address: SpiceAddress, password: str, limit_s: float, main: "_Link") -> None:
        self._address, self._password, self._limit_s, self._main = address, password, limit_s, main
        init = _unpack(_INIT, main.wait_for(_MAIN_INIT), "MAIN_INIT")
        main.send(_MAIN_ATTACH)
        listed = main.wait_for(_MAIN_CHANNELS)
        (count,) = _unpack(struct.Struct("<I"), listed, "MAIN_CHANNELS_LIST")
        rows = listed[4:]
        if len(rows) != 2 * count:
            raise SpiceError(f"the SPICE server lists {count} channels in {len(rows)} bytes, expected {2 * count}")
        channels = tuple((rows[at], rows[at + 1]) for at in range(0, len(rows), 2))
        self.info = SessionFacts(init[0], channels, bool(init[4]), init[2])

    def first_surface(self) -> Surface:
        """The primary surface of the first display, which is opened for it."""
        link = _Link(self._address, Channel.DISPLAY, 0, self.info.number, self._password, self._limit_s)
        try:
            # No cache of pixmaps, and the smallest dictionary: nothing is drawn here.
            link.send(_DISPLAY_INIT, struct.pack("<BqBi", 1, 0, 1, 0))
            _, width, height, _, _ = _unpack(_SURFACE, link.wait_for(_DISPLAY_SURFACE), "SURFACE_CREATE")
        finally:
            link.close()
        if not (0 < width <= 1 << 15 and 0 < height <= 1 << 15):
            raise SpiceError(f"the SPICE server's surface is {width} x {height}, expected a screen")
        return Surface(width, height)


class _Link:
    """One channel: linked, with its ticket accepted."""

    def __init__(
        self, address: SpiceAddress, kind: Channel, number: int, connection: int, password: str, limit_s: float
    ) -> None:
        self._what = f"the {kind.name.lower()} channel"
        self._window = self._since_ack = 0
        self._wire = Wire(
            _connected(address, limit_s), SpiceError,
            broke=f"{self._what} of the SPICE server broke", ended=f"the SPICE server ended {self._what}",
        )  # fmt: skip
        try:
            self._ticket(self._linked(kind, number, connection), password)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the channel."""
        self._wire.close()

    def send(self, kind: int, body: bytes = b"") -> None:
        """Send one message."""
        self._wire.write(_MINI.pack(kind, len(body)) + body)

    def wait_for(self, kind: int) -> bytes:
        """The body of the next message of this kind; answers pings and acknowledgement requests before it."""
        for _ in range(_MOST_MESSAGES):
            found, body = self._message()
            if found == kind:
                return body
            if found == _DISCONNECTING:
                break
        raise SpiceError(f"{self._what} of the SPICE server sent no message {kind}, and then ended it")

    def _message(self) -> tuple[int, bytes]:
        kind, size = _MINI.unpack(self._wire.read(_MINI.size))
        if size > _LARGEST:
            raise SpiceError(f"{self._what} of the SPICE server announces {size} bytes, more than is accepted")
        body = self._wire.read(size)
        if kind == _SET_ACK:
            generation, self._window = _unpack(struct.Struct("<II"), body, "SET_ACK")
            self._since_ack = 0
            self.send(_ACK_SYNC, struct.pack("<I", generation))
        elif kind == _PING:
            self.send(_PONG, body[:12])
        self._since_ack += 1
        if self._window and self._since_ack >= self._window:
            self._since_ack = 0
            self.send(_ACK)
        return kind, body

    def _linked(self, kind: Channel, number: int, connection: int) -> rsa.RSAPublicKey:
        body = _LINK.pack(connection, kind, number, 1, 0, _LINK.size) + struct.pack("<I", _COMMON)
        self._wire.write(_HEADER.pack(_MAGIC, *_VERSION, len(body)) + body)
        magic, major, _, size = _HEADER.unpack(self._wire.read(_HEADER.size))
        if magic != _MAGIC or major != _VERSION[0]:
            raise SpiceError(f"the server answers {magic!r} version {major}, expected {_MAGIC!r} version {_VERSION[0]}")
        if not 4 <= size <= 4096:
            raise SpiceError(f"the SPICE server's answer has {size} bytes, expected at most 4096")
        answer = self._wire.read(size)
        self._check(f"the link of {self._what}", answer[:4])
        if len(answer) < _REPLY.size:
            raise SpiceError(f"the SPICE server's link reply has {len(answer)} bytes, expected {_REPLY.size}")
        _, key, common, _, offset = _REPLY.unpack(answer[: _REPLY.size])
        capabilities = int.from_bytes(answer[offset : offset + 4], "little") if common else 0
        if capabilities & _COMMON != _COMMON:
            raise SpiceError(
                f"the SPICE server has the capabilities {capabilities:#x}, expected {_COMMON:#x} among them"
            )
        self._wire.write(struct.pack("<I", _BY_TICKET))
        return _public_key(key)

    def _ticket(self, key: rsa.RSAPublicKey, password: str) -> None:
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303  # required by the protocol
        try:
            self._wire.write(key.encrypt(password.encode() + b"\0", oaep))
        except ValueError as error:
            raise SpiceError("the password is longer than a SPICE ticket may be, 60 bytes") from error
        self._check(f"the ticket of {self._what}", self._wire.read(4))

    @staticmethod
    def _check(what: str, answer: bytes) -> None:
        number = int.from_bytes(answer, "little")
        try:
            result = LinkResult(number)
        except ValueError:
            raise SpiceError(f"{what} was answered by {number}, expected a result of a link") from None
        if result is not LinkResult.OK:
            raise SpiceRefused(what, result)


def _connected(address: SpiceAddress, limit_s: float) -> socket.socket:
    where = f"{address.host}:{address.port}"
    try:
        plain = socket.create_connection((address.host, address.port), timeout=limit_s)
    except OSError as error:
        raise SpiceError(f"no SPICE server answers at {where}: {error}") from error
    if address.ca is None:
        return plain
    try:
        context = ssl.create_default_context(cafile=str(address.ca))
        return context.wrap_socket(plain, server_hostname=address.name or address.host)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise SpiceUntrusted(f"the SPICE server at {where} cannot be trusted: {error}") from error
    except OSError as error:
        plain.close()
        raise SpiceError(f"the SPICE server at {where} does not encrypt: {error}") from error


def _public_key(der: bytes) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SpiceError(f"the SPICE server's key cannot be read: {error}") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise SpiceError("the SPICE server's key is of another kind than RSA")
    return key


def _unpack(shape: struct.Struct, data: bytes, name: str) -> tuple[int, ...]:
    if len(data) < shape.size:
        raise SpiceError(f"the SPICE server's {name} has {len(data)} bytes, expected {shape.size}")
    fields: tuple[int, ...] = shape.unpack(data[: shape.size])
    return fields
