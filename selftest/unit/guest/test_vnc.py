"""The VNC client against QEMU's own server, and against servers that do not keep to the protocol."""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.screen_server import screen_server
from selftest.sshd import HOST
from xenproof.errors import ParseError
from xenproof.guest.display.screen import Picture
from xenproof.guest.display.vnc import VncError, VncRefused, session

Start = Callable[..., int]
PASSWORD = "not it"  # noqa: S105  # of a server that lives as long as its test


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a QEMU without a disk whose screen is at a VNC port; ends it afterwards."""
    with contextlib.ExitStack() as stack:

        def begin(options: str = "") -> int:
            number = display()
            words = ["-vnc", f"{HOST}:{number}{options}", "-object", f"secret,id=word,data={PASSWORD}"]
            stack.enter_context(screen_server(5900 + number, *words))
            return 5900 + number

        yield begin


def display() -> int:
    """A display whose port is free."""
    # Each worker has its own, all of them below the ports that Linux gives to outgoing connections (32768 and above).
    first = 1000 + os.getpid() % 500 * 50
    for number in range(first, first + 50):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind((HOST, 5900 + number))
            return number
    raise AssertionError(f"no port is free above {5900 + first}")


def test_the_screen_is_a_picture(start: Start) -> None:
    with session(HOST, start()) as vnc:
        picture = vnc.picture()
    assert Picture(picture).size == (vnc.width, vnc.height)
    assert vnc.width >= 640
    assert struct.unpack(">II", Picture(picture).png[16:24]) == (vnc.width, vnc.height)


def test_the_right_password_is_taken_and_a_wrong_one_is_not(start: Start) -> None:
    port = start(",password-secret=word")
    with session(HOST, port, PASSWORD) as vnc:
        assert vnc.picture()
    for wrong in ("Not it", PASSWORD + "2"):
        with pytest.raises(VncRefused, match="refuses the password"):
            session(HOST, port, wrong).__enter__()
    with pytest.raises(VncRefused, match="wants a password"):
        session(HOST, port).__enter__()


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        with pytest.raises(VncError, match="no VNC server answers"):
            session(HOST, unused.getsockname()[1]).__enter__()


@contextlib.contextmanager
def saying(data: bytes) -> Iterator[int]:
    """A server that says this to whoever comes first, and then has no more to say."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1 << 16):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


BEGIN = b"RFB 003.008\n\1\1\0\0\0\0"
SCREEN = struct.pack(">HH16sI", 2, 1, bytes(16), 4) + b"name"
PIXELS = struct.pack(">BxHHHHHi", 0, 1, 0, 0, 2, 1, 0) + b"\1\2\3\0\4\5\6\0"


def test_pixels_come_in_their_order_whatever_is_said_between() -> None:
    between = b"\2" + b"\1\0\0\0\0\1" + bytes(6) + b"\3\0\0\0" + struct.pack(">I", 3) + b"cut"
    with saying(BEGIN + SCREEN + between + PIXELS) as port, session(HOST, port) as vnc:
        assert vnc.picture() == b"P6\n2 1\n255\n\3\2\1\6\5\4"


def test_a_screen_that_changes_its_size_is_asked_for_again() -> None:
    larger = struct.pack(">BxHHHHHi", 0, 1, 0, 0, 2, 2, -223)
    pixels = struct.pack(">BxHHHHHi", 0, 1, 0, 0, 2, 2, 0) + bytes(16)
    with saying(BEGIN + SCREEN + larger + pixels) as port, session(HOST, port) as vnc:
        assert vnc.picture() == b"P6\n2 2\n255\n" + bytes(12)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"RFB 003.008\n\0\0\0\0\4full",
        BEGIN,
        BEGIN + struct.pack(">HH16sI", 0, 1, bytes(16), 0),
        BEGIN + struct.pack(">HH16sI", 60000, 60000, bytes(16), 0),
        BEGIN + struct.pack(">HH16sI", 2, 1, bytes(16), 1 << 31),
        BEGIN + SCREEN + b"\7",
        BEGIN + SCREEN + struct.pack(">BxHHHHHi", 0, 1, 1, 0, 2, 1, 0),
        BEGIN + SCREEN + struct.pack(">BxHHHHHi", 0, 1, 0, 0, 2, 1, 5),
        BEGIN + SCREEN + b"\2" * 2000,
    ],
    ids=["another protocol", "full", "an early end", "no screen", "a huge screen", "a long name", "an unknown message",
         "pixels beside the screen", "another encoding", "no pixels"],
)  # fmt: skip
def test_a_server_that_does_not_keep_to_the_protocol_is_an_error(data: bytes) -> None:
    with saying(data) as port, pytest.raises(VncError), session(HOST, port, limit_s=5) as vnc:
        vnc.picture()


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_or_a_picture(data: bytes) -> None:
    with saying(BEGIN + SCREEN + data) as port, contextlib.suppress(VncError), session(HOST, port, limit_s=5) as vnc:
        assert vnc.picture().startswith(b"P6\n")


@given(st.binary(max_size=100))
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError, match="no binary PPM"):
        _ = Picture(b"P5" + data).png
