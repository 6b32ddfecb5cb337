"""Two scripts of probes at a time over one connection, against a real sshd."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selftest.sshd import Server, eventually, gone, kill, starter
from xenproof.errors import SourceError
from xenproof.source.gather import gather
from xenproof.source.probe import Probe
from xenproof.source.ssh import SSHConnection


@contextmanager
def connected(folder: Path, *options: str) -> Iterator[tuple[Server, SSHConnection]]:
    """A connection to an sshd with further lines of configuration."""
    with starter(folder, *options) as begin:
        server = begin()
        server.wait_until_it_listens()
        connection = server.connect()
        try:
            yield server, connection
        finally:
            connection.close()


def met(mine: Path, other: Path) -> str:
    """A probe's text that ends only if another one runs at the same time."""
    return f"touch {mine}; until [ -e {other} ]; do sleep 0.05; done; echo met"


def test_probes_run_beside_the_others(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    probes = [
        Probe("beside", met(two, one), beside=True),
        Probe("first", met(one, two)),
        Probe("last", "echo 3"),
        Probe("short", "echo 4", beside=True),
    ]
    with connected(tmp_path) as (_, connection):
        recording = gather(connection, probes, {})
    assert [out.name for out in recording.outputs.values()] == ["beside", "first", "last", "short"]
    assert [recording.output(probe).text for probe in probes] == ["met\n", "met\n", "3\n", "4\n"]
    assert recording.about["limits"] == "session"
    assert "cut" not in recording.about


def test_a_host_with_one_session_at_a_time_runs_one_after_the_other(tmp_path: Path) -> None:
    probes = [Probe("first", "echo 1"), Probe("beside", "echo 2; echo e >&2", beside=True)]
    with connected(tmp_path, "MaxSessions 1") as (_, connection):
        recording = gather(connection, probes, {})
    assert [recording.output(probe).text for probe in probes] == ["1\n", "2\n"]
    assert recording.outputs["beside"].error_text == "e\n"


def test_a_probe_that_hangs_beside_others_ends_alone(tmp_path: Path) -> None:
    started = tmp_path / "started"
    # The other script goes on until the one that hangs has been ended.
    until = f"until [ -s {started} ]; do sleep 0.05; done; read p <{started}"
    waits = f"{until}; while [ -e /proc/$p ]; do sleep 0.05; done"
    probes = [
        Probe("hangs", f"sleep 1000 & echo $! >{started}; wait", limit_s=1, beside=True),
        Probe("waits", f"{waits}; echo over", limit_s=20),
        Probe("next", "echo 2", beside=True),
    ]
    with connected(tmp_path) as (_, connection):
        recording = gather(connection, probes, {})
    assert recording.outputs["hangs"].timed_out
    assert recording.output(probes[1]).text == "over\n"
    assert recording.output(probes[2]).text == "2\n"


def test_what_either_script_lacks_is_said(tmp_path: Path) -> None:
    # Each kills the shell that runs its script.
    probes = [
        Probe("one", "echo 1"),
        Probe("two", "kill -s KILL $$"),
        Probe("three", "echo 3", beside=True),
        Probe("four", "kill -s KILL $$", beside=True),
    ]
    with connected(tmp_path) as (_, connection):
        recording = gather(connection, probes, {})
    assert recording.about["cut probes"] == "two, four"
    assert [recording.output(probes[number]).text for number in (0, 2)] == ["1\n", "3\n"]


def test_a_banner_is_noted_once(tmp_path: Path) -> None:
    probes = [Probe("one", "echo 1"), Probe("two", "echo 2", beside=True)]
    with connected(tmp_path, 'ForceCommand echo Welcome; eval "$SSH_ORIGINAL_COMMAND"') as (_, connection):
        recording = gather(connection, probes, {})
    assert recording.about["login noise"] == "Welcome"
    assert [recording.output(probe).text for probe in probes] == ["1\n", "2\n"]


def test_a_command_that_nobody_asks_the_result_of_is_ended(tmp_path: Path) -> None:
    with connected(tmp_path) as (_, connection):
        with connection.beside(f"echo $$ >{tmp_path / 'pid'}; exec sleep 1000"):
            eventually(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text() != "", "it runs")
            pid = int((tmp_path / "pid").read_text())
            assert not gone(pid)
        eventually(lambda: gone(pid), "it is ended")
        assert connection.run("echo ok").text == "ok\n"


def test_more_than_the_window_of_a_channel_waits_until_it_is_asked_for(tmp_path: Path) -> None:
    with connected(tmp_path) as (_, connection), connection.beside("head -c 5000000 /dev/zero; echo end") as result:
        assert connection.run("echo first").text == "first\n"
        assert len(result().stdout) == 5_000_004


def test_a_connection_that_breaks_is_an_error(tmp_path: Path) -> None:
    probes = [Probe("one", f"touch {tmp_path / 'on'}; sleep 1000"), Probe("two", "sleep 1000", beside=True)]
    with connected(tmp_path) as (server, connection):

        def broken() -> None:
            eventually((tmp_path / "on").is_file, "the probe runs")
            kill(server)

        killer = threading.Thread(target=broken)
        killer.start()
        with pytest.raises(SourceError, match=r"broke while a command ran"):
            gather(connection, probes, {})
        killer.join()
