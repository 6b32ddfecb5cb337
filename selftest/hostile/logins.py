"""What a hostile host does before anybody is logged in, by name."""

import socket
import struct
import threading
from collections.abc import Callable
from functools import partial

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL

from selftest.hostile.server import Behaviour, Host

# What a terminal must never see: it sets the clipboard, the title, a colour, and rings.
ESCAPES = "\x1b]52;c;aGFja2Vk\x07\x1b]0;title\x07\x1b[31m\x9b31m\x07"
CLIENT_VERSION = 64


def says(data: bytes, sock: socket.socket, ended: threading.Event) -> None:
    """Says this, and waits."""
    sock.sendall(data)
    ended.wait(20)


def says_and_drops(data: bytes, sock: socket.socket, ended: threading.Event) -> None:
    sock.sendall(data)
    sock.recv(1 << 12)


def says_for_ever(data: bytes, pause_s: float, sock: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(pause_s):
        sock.sendall(data)


def packet(payload: bytes, length: int | None = None) -> bytes:
    """A packet that is not encrypted yet; `length` is what it says of itself."""
    padding = 8 - (len(payload) + 5) % 8 + 8
    size = len(payload) + padding + 1 if length is None else length
    return struct.pack(">IB", size & 0xFFFFFFFF, padding) + payload + b"\0" * padding


def key_exchange(*names: str) -> bytes:
    """The first packet of a key exchange, with the names of its eight lists."""
    lists = [name.encode() for name in names]
    lists += [b"none"] * (8 - len(lists)) + [b"", b""]
    return packet(b"\x14" + b"\0" * 16 + b"".join(struct.pack(">I", len(row)) + row for row in lists) + b"\0" * 5)


def disconnect(text: str) -> bytes:
    words = [text.encode(), b"en"]
    return packet(b"\x01\0\0\0\x02" + b"".join(struct.pack(">I", len(word)) + word for word in words))


def refuses(host: Host) -> int:
    return AUTH_FAILED


def half(host: Host) -> int:
    """Accepts any key, and asks for more."""
    return AUTH_PARTIALLY_SUCCESSFUL


def never(host: Host) -> int:
    """Gives no answer."""
    host.ended.wait(20)
    return AUTH_FAILED


def drops(host: Host) -> int:
    host.transport.close()
    return AUTH_FAILED


def disconnects(host: Host) -> int:
    """Says why it ends the connection."""
    message = paramiko.Message()
    message.add_byte(bytes([1]))
    message.add_int(2)
    message.add_string(ESCAPES)
    message.add_string("en")
    host.transport._send_message(message)
    host.transport.close()
    return AUTH_FAILED


def greets_for_ever(host: Host) -> int:
    """Banners of a user's login without end, and no answer."""
    while not host.ended.is_set() and host.transport.is_active():
        message = paramiko.Message()
        message.add_byte(bytes([53]))
        message.add_string("x" * 30_000 + ESCAPES)
        message.add_string("en")
        host.transport._send_message(message)
    return AUTH_FAILED


VERSION = b"SSH-2.0-hostile\r\n"
NO_SERVER = "does not answer as an ssh server"


def raw(behave: Callable[..., None], *arguments: object) -> Behaviour:
    return Behaviour(raw=partial(behave, *arguments))


BEFORE: dict[str, tuple[Behaviour, str]] = {
    "silence": (raw(says, b""), NO_SERVER),
    "a version, then silence": (raw(says, VERSION), NO_SERVER),
    "a version without an end": (raw(says_for_ever, b"x" * 4096, 0.0), f"{NO_SERVER}.*bytes before the end"),
    "a version of single bytes": (raw(says_for_ever, b"x", 0.05), NO_SERVER),
    "lines without a version": (raw(says_for_ever, b"hello\r\n", 0.01), NO_SERVER),
    "an old version": (raw(says_and_drops, b"SSH-1.5-x\r\n"), "share no way to encrypt"),
    "no UTF-8": (raw(says_and_drops, b"SSH-2.0-\xff\xfe\r\n"), NO_SERVER),
    "a packet of 4 GB": (raw(says, VERSION + packet(b"\x14", 0xFFFFFFFC) + b"x" * 100), f"{NO_SERVER}.*packet of"),
    "a packet of 1 GB": (raw(says, VERSION + packet(b"\x14", 0x3FFFFFFC) + b"x" * 100), f"{NO_SERVER}.*packet of"),
    "a packet of nothing": (raw(says, VERSION + b"\0" * 64), NO_SERVER),
    "an unknown packet": (raw(says, VERSION + packet(b"\xc8x")), NO_SERVER),
    "packets that say nothing": (raw(says_for_ever, VERSION + packet(b"\x02\0\0\0\0"), 0.01), NO_SERVER),
    "names that nobody knows": (raw(says, VERSION + key_exchange("no-kex", "no-key")), "share no way to encrypt"),
    "a list that is cut": (raw(says, VERSION + packet(b"\x14" + b"\0" * 16 + b"\0\0\xff\xff")), "no way|not answer"),
}  # fmt: skip
"""What is wrong with a host before its key is seen, and what connecting to it says then."""

ESCAPING: dict[str, Behaviour] = {
    "escapes in the version string": raw(says_and_drops, f"SSH-1.5-{ESCAPES}\r\n".encode()),
    "escapes instead of a version": raw(says_and_drops, (f"{ESCAPES}\r\n" * 120).encode()),
    "bytes that are escapes of eight bits": raw(says_and_drops, b"SSH-1.5-\x9b31m\x9d0;x\x9c\r\n"),
    "escapes in the names of a key exchange": raw(says, VERSION + key_exchange(f"no-kex{ESCAPES}", ESCAPES)),
    "escapes in the type of the host's key": raw(
        says, VERSION + key_exchange("curve25519-sha256@libssh.org", f"ssh-{ESCAPES}", "aes128-ctr", "aes128-ctr")
    ),
    "escapes in the reason for the end": raw(says_and_drops, VERSION + disconnect(ESCAPES)),
    "escapes in the reason for no login": Behaviour(login=disconnects),
    "escapes in a banner": Behaviour(login=refuses, banner=ESCAPES * 100),
    "escapes in the ways to log in": Behaviour(login=refuses, kinds=f"password{ESCAPES}"),
}
"""Hosts that write to our terminal where we let them, before anybody is logged in."""
