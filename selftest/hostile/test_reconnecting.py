"""A host that breaks in the middle of a run, and comes back as something else; and its forwarded ports."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest

from selftest.hostile.commands import reads_nothing, silent
from selftest.hostile.logins import raw, says
from selftest.hostile.server import Behaviour, Command, honest, hostile
from xenproof.errors import SourceError
from xenproof.source.forward import LOOPBACK
from xenproof.source.reconnecting import ReconnectingConnection


def breaks_at_the_second(command: Command) -> None:
    """Answers the look at the host, and breaks with the first command of the run."""
    if "boot_id" in command.text:
        honest(command)
    else:
        command.transport.close()


def floods_the_look(command: Command) -> None:
    command.announce()
    while not command.ended.is_set():
        command.channel.sendall(b"y" * (1 << 15))


FIRST = Behaviour(breaks_at_the_second, always=True)


@pytest.mark.parametrize(
    "second",
    [
        Behaviour(silent, always=True),
        Behaviour(floods_the_look, always=True),
        Behaviour(opens=False),
        Behaviour(lambda command: command.transport.close(), always=True),
        raw(says, b""),
    ],
    ids=["silent", "floods", "no channel", "breaks again", "no ssh server"],
)
def test_a_host_that_comes_back_as_another_is_given_up(second: Behaviour, tmp_path: Path) -> None:
    with hostile(tmp_path, FIRST, second) as server:
        connection = ReconnectingConnection(
            lambda retry_until_s: server.connect(connect_limit_s=0.5, retry_until_s=retry_until_s), limit_s=1.0
        )
        started = time.monotonic()
        with pytest.raises(SourceError):
            connection.run("true")
        said = []
        for _ in range(20):
            with pytest.raises(SourceError) as caught:
                connection.run("true")
            said.append(str(caught.value))
            if "given up" in said[-1]:
                break
        assert time.monotonic() - started < 60
        logins = len(server.hosts)
        if "given up" in said[-1]:
            begun = time.monotonic()
            for _ in range(50):
                with pytest.raises(SourceError, match="given up"):
                    connection.run("true")
            assert time.monotonic() - begun < 5
            assert len(server.hosts) == logins, "nothing more was tried"
        connection.close()


def test_a_host_that_breaks_each_time_is_told_each_time(tmp_path: Path) -> None:
    with hostile(tmp_path, FIRST) as server:
        connection = ReconnectingConnection(
            lambda retry_until_s: server.connect(retry_until_s=retry_until_s), limit_s=1.0
        )
        for _ in range(3):
            with pytest.raises(SourceError, match="broke"):
                connection.run("true")
        connection.close()


def test_a_forwarded_port_of_a_host_that_reads_nothing_ends_with_its_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xenproof.source.forward._END_LIMIT_S", 1.0)
    before = threading.active_count()
    with hostile(tmp_path, Behaviour(reads_nothing, always=True)) as server:
        connection = server.connect()
        started = time.monotonic()
        with connection.forward(5900) as port, socket.create_connection((LOOPBACK, port), timeout=5) as client:
            client.settimeout(0.5)
            with contextlib.suppress(TimeoutError, ConnectionError):
                for _ in range(500):
                    client.sendall(b"z" * 65536)
        assert time.monotonic() - started < 20
        connection.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.02)
