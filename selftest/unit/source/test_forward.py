"""Ports of a host's loopback through a real sshd."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.sshd import starter
from xenproof.source.connection import Forwards
from xenproof.source.forward import LOOPBACK
from xenproof.source.local import LocalConnection
from xenproof.source.ssh import SSHConnection

LIMIT_S = 20.0


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SSHConnection]:
    with starter(tmp_path) as start:
        server = start()
        server.wait_until_it_listens()
        with contextlib.closing(server.connect()) as made:
            yield made


@pytest.fixture
def shouting_port() -> Iterator[int]:
    """A server that sends back what it gets, in capitals, until its client has no more to say."""
    with socket.create_server((LOOPBACK, 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    with client:
                        while data := client.recv(1 << 16):
                            client.sendall(data.upper())

        threads = [threading.Thread(target=serve) for _ in range(2)]
        for thread in threads:
            thread.start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(LIMIT_S)


def said(port: int, text: bytes) -> bytes:
    with socket.create_connection((LOOPBACK, port), timeout=LIMIT_S) as client:
        client.sendall(text)
        data = b""
        while len(data) < len(text) and (part := client.recv(1 << 16)):
            data += part
        return data


def test_what_is_said_to_our_port_reaches_the_hosts(connection: SSHConnection, shouting_port: int) -> None:
    with connection.forward(shouting_port) as port:
        assert port != shouting_port
        assert said(port, b"hello " * 100_000) == b"HELLO " * 100_000


def test_two_can_speak_at_the_same_time(connection: SSHConnection, shouting_port: int) -> None:
    with (
        connection.forward(shouting_port) as port,
        socket.create_connection((LOOPBACK, port), timeout=LIMIT_S) as one,
    ):
        assert said(port, b"two") == b"TWO"
        one.sendall(b"one")
        assert one.recv(3) == b"ONE"


def test_a_port_on_which_nothing_listens_gives_no_byte(connection: SSHConnection) -> None:
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        # Closed or reset: whether our word was there by then is chance.
        with connection.forward(unused.getsockname()[1]) as port, contextlib.suppress(ConnectionError):
            assert said(port, b"hello") == b""


def test_our_port_is_closed_with_its_context(connection: SSHConnection, shouting_port: int) -> None:
    before = threading.active_count()
    with connection.forward(shouting_port) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        said(port, b"hello")
    assert threading.active_count() == before


def test_a_local_host_has_the_port_itself() -> None:
    local: Forwards = LocalConnection()
    with local.forward(80) as port:
        assert port == 80
