"""The SPICE client, against the SPICE server of a real QEMU on loopback."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.screen_server import screen_server
from selftest.sshd import HOST, free_port
from xenproof.guest.display.certificates import certificates
from xenproof.guest.display.spice import Channel, LinkResult, SpiceAddress, SpiceError, SpiceRefused, session

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a QEMU without a disk whose screen is at a SPICE port; ends it afterwards."""
    with contextlib.ExitStack() as stack:

        def begin(options: str, *, tls: bool = False) -> int:
            port = free_port()
            kind = f"tls-port={port},x509-dir={tmp_path}" if tls else f"port={port}"
            words = ["-S", "-display", "none", "-spice", f"addr={HOST},{kind},{options}"]
            stack.enter_context(screen_server(port, *words, "-object", f"secret,id=ticket,data={PASSWORD}"))
            return port

        yield begin


PASSWORD = "not a secret"  # noqa: S105  # of a server that lives as long as its test
TICKET = "password-secret=ticket"


def test_a_session_without_ticket_has_a_display(start: Start) -> None:
    with session(SpiceAddress(HOST, start("disable-ticketing=on"))) as spice:
        assert (Channel.DISPLAY, 0) in spice.info.channels
        assert (Channel.INPUTS, 0) in spice.info.channels
        assert not spice.info.agent
        surface = spice.first_surface()
    assert surface.width >= 640
    assert surface.height >= 400


def test_the_right_password_is_taken_and_a_wrong_one_is_not(start: Start) -> None:
    address = SpiceAddress(HOST, start(TICKET))
    with session(address, PASSWORD) as spice:
        assert spice.first_surface().width >= 640
    for wrong in ("", "Not a secret", PASSWORD + " "):
        with pytest.raises(SpiceRefused, match="the ticket of the main channel was refused") as refused:
            session(address, wrong).__enter__()
        assert refused.value.result is LinkResult.PERMISSION_DENIED


def test_an_encrypted_session_needs_the_right_authority_and_name(start: Start, tmp_path: Path) -> None:
    certify(tmp_path)
    certify(tmp_path / "other")
    port = start("disable-ticketing=on", tls=True)

    with session(SpiceAddress(HOST, port, tmp_path / "ca-cert.pem", "xen1")) as spice:
        assert spice.first_surface().width >= 640
    with pytest.raises(SpiceError, match="cannot be trusted"):
        session(SpiceAddress(HOST, port, tmp_path / "ca-cert.pem", "xen2")).__enter__()
    with pytest.raises(SpiceError, match="cannot be trusted"):
        session(SpiceAddress(HOST, port, tmp_path / "other" / "ca-cert.pem", "xen1")).__enter__()
    with pytest.raises(SpiceError):
        session(SpiceAddress(HOST, port), limit_s=2).__enter__()


def test_nobody_listens() -> None:
    with pytest.raises(SpiceError, match="no SPICE server answers"):
        session(SpiceAddress(HOST, free_port())).__enter__()


def certify(folder: Path) -> None:
    """Make an authority and a server's certificate for the name xen1, as QEMU wants them in a folder."""
    folder.mkdir(exist_ok=True)
    for name, data in certificates("xen1").items():
        (folder / name).write_bytes(data)


@contextlib.contextmanager
def answering(data: bytes) -> Iterator[int]:
    """A server that answers with these bytes, whatever it is asked."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = server.accept()
                with peer:
                    peer.sendall(data)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.close()
            thread.join()


HEADER = struct.Struct("<4sIII")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "ended the main channel after 0 of 16 bytes"),
        (b"HTTP/1.1 400 Bad", "expected b'REDQ'"),
        (HEADER.pack(b"REDQ", 1, 0, 4) + b"\0" * 4, "version 1, expected"),
        (HEADER.pack(b"REDQ", 2, 2, 1 << 30), "expected at most 4096"),
        (HEADER.pack(b"REDQ", 2, 2, 4) + struct.pack("<I", 3), "INVALID_DATA"),
        (HEADER.pack(b"REDQ", 2, 2, 4) + struct.pack("<I", 99), "answered by 99"),
        (HEADER.pack(b"REDQ", 2, 2, 4) + b"\0" * 4, "link reply has 4 bytes"),
        (HEADER.pack(b"REDQ", 2, 2, 178) + b"\0" * 178, "has the capabilities 0x0"),
    ],
)
def test_what_no_spice_server_says_is_an_error(data: bytes, said: str) -> None:
    with answering(data) as port, pytest.raises(SpiceError, match=re.escape(said)):
        session(SpiceAddress(HOST, port), limit_s=5).__enter__()


@settings(deadline=None, max_examples=40)  # a busy machine is slow, not wrong
@given(data=st.binary(max_size=300), honest=st.booleans())
def test_any_bytes_are_an_error(data: bytes, honest: bool) -> None:
    head = HEADER.pack(b"REDQ", 2, 2, len(data)) + b"\0" * 4 if honest else b""
    with answering(head + data) as port, pytest.raises(SpiceError):
        session(SpiceAddress(HOST, port), limit_s=5).__enter__()
