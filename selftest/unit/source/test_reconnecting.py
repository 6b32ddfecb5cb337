"""A connection that is opened again, against a real sshd that is killed and started anew."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from selftest.sshd import Server, kill, starter
from xenproof.errors import CommandFailed, CommandTimedOut, SourceError
from xenproof.guest.console import Console
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.working_folder import WorkingFolder
from xenproof.source import reconnecting
from xenproof.source.reconnecting import ReconnectingConnection
from xenproof.source.ssh import SSHConnection

ANEW = "started anew, so the guests of this run are gone"


def until_known(connection: ReconnectingConnection) -> None:
    """Wait until this side knows, too, that the connection broke."""
    transport = connection._connection.transport  # type: ignore[attr-defined]
    transport.join(30)
    assert not transport.is_active()


class Host:
    """A host whose start can be told by a file, as the kernel's own number of this machine stays."""

    def __init__(self, start: Callable[[], Server], boot: Path) -> None:
        self._start, self._boot = start, boot
        self.server = self.up("one")
        self.logins = 0

    def up(self, boot: str) -> Server:
        self._boot.write_text(boot)
        self.server = self._start()
        self.server.wait_until_it_listens()
        return self.server

    def connect(self, retry_until_s: float) -> SSHConnection:
        self.logins += 1
        return self.server.connect(retry_until_s=retry_until_s)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host that can be started anew."""
    monkeypatch.setattr(reconnecting, "_BOOT_ID", f"cat {tmp_path / 'boot'}")
    with starter(tmp_path) as start:
        yield Host(start, tmp_path / "boot")


@pytest.fixture
def connection(host: Host) -> Iterator[ReconnectingConnection]:
    """A connection to it that is opened again."""
    with closing(ReconnectingConnection(host.connect, limit_s=3.0)) as made:
        yield made


def test_what_a_reboot_breaks_says_so_and_the_next_command_runs(host: Host, connection: ReconnectingConnection) -> None:
    with connection.follow("echo here; exec sleep 60") as stream:
        assert stream.read(10) == b"here\n"
        kill(host.server)
        host.up("two")

        with pytest.raises(SourceError, match=f"broke while a command ran.*{ANEW}"):
            stream.read(10)

    assert connection.run("echo on").text == "on\n"
    assert host.logins == 2
    assert [ANEW in line for line in connection.reconnections] == [True]


def test_a_command_after_an_unseen_reboot_runs(host: Host, connection: ReconnectingConnection) -> None:
    kill(host.server)
    host.up("two")
    until_known(connection)

    assert connection.run("echo on").text == "on\n"


def test_a_broken_connection_is_no_reboot(host: Host, connection: ReconnectingConnection) -> None:
    with connection.follow("exec sleep 60") as stream:
        kill(host.server)
        host.up("one")

        with pytest.raises(SourceError, match="the connection to it broke, so"):
            stream.read(10)


def test_a_host_that_does_not_come_back_is_waited_for_once(host: Host, connection: ReconnectingConnection) -> None:
    with connection.follow("exec sleep 60") as stream:
        kill(host.server)
        with pytest.raises(SourceError, match=r"broke while a command ran.*refuses connections.*tried again for 3 s"):
            stream.read(10)
    with pytest.raises(SourceError) as second:
        connection.run("true")

    assert "tried again" not in str(second.value)
    host.up("two")
    assert connection.run("echo on").text == "on\n"


def test_a_command_that_takes_too_long_costs_nothing_else(host: Host, connection: ReconnectingConnection) -> None:
    with connection.follow("echo here; read line; echo still", keep_stdin=True) as stream:
        assert stream.read(10) == b"here\n"

        with pytest.raises(CommandTimedOut, match="did not end within 2 s") as caught:
            connection.run("exec sleep 60", limit_s=2.0)
        assert "gone" not in str(caught.value)

        stream.end_stdin()
        assert stream.read(10) == b"still\n"
    with pytest.raises(CommandFailed):
        connection.run("exit 3").check()
    assert host.logins == 1
    assert connection.reconnections == []


def test_a_console_that_broke_has_nothing_more(host: Host, connection: ReconnectingConnection) -> None:
    console = Console({})
    with connection.follow("echo here; exec sleep 60") as stream:
        console.attach(stream)
        assert console.wait(lambda: "here" in console.text, 10)
        kill(host.server)
        host.up("two")

        console.drain()

    assert console.ended
    assert console.text == "here\n"


def test_a_folder_is_entered_again_on_a_host_that_was_started_anew(
    host: Host, connection: ReconnectingConnection, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    folder = WorkingFolder(connection, RunIdentity.of(tmp_path / "run"), str(tmp_path / "images"))
    (tmp_path / "images").mkdir()
    folder.enter()
    assert folder.entries == 1
    kept = Path(folder.path) / "kept"
    kept.touch()  # so that the keeper that is killed with the host removes nothing, as after a power cut
    kill(host.server)
    kept.unlink()
    until_known(connection)
    host.up("two")

    folder.enter()

    assert folder.entries == 2
    assert Path(folder.path).is_dir()
    folder.leave()
    assert list((tmp_path / "images").iterdir()) == []


def test_a_folder_that_its_keeper_removed_is_made_anew(
    host: Host, connection: ReconnectingConnection, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "images").mkdir()
    folder = WorkingFolder(connection, RunIdentity.of(tmp_path / "run"), str(tmp_path / "images"))
    folder.enter()
    first = Path(folder.path)
    (first / "disk.raw").touch()
    kill(host.server)
    # The keeper removed it itself, if it saw its connection end before it was killed.
    shutil.rmtree(first, ignore_errors=True)
    until_known(connection)
    host.up("one")

    folder.enter()

    assert folder.entries == 2
    assert Path(folder.path).is_dir()
    assert list(first.iterdir()) == []
    folder.leave()
