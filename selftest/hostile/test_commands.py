"""Reading a host that lets us in and then does not do what it is asked to."""

import dataclasses
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.hostile.commands import BEHAVIOURS, floods_beyond_the_window, one_probe, reads_nothing, silent
from selftest.hostile.server import BRIEF, Behaviour, Command, hostile
from xenproof.errors import CommandTimedOut, OutputTooLarge, SourceError
from xenproof.source.gather import gather
from xenproof.source.probe import Probe, Recording

PROBES = [Probe(f"p{number}", "echo x", limit_s=5) for number in range(3)]
BESIDE = [Probe("b0", "echo x", limit_s=5, beside=True), Probe("b1", "echo x", limit_s=5, beside=True)]
# In all: the whole reading, the end of each of two lanes, and a busy machine.
# Generous: what it stands against is for ever, and the machine may be busy with other work.
LIMIT_S = 60.0


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 10
    while left := [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def said(recording: Recording, probes: list[Probe]) -> str:
    """What asking for the probes raises, together."""
    found = []
    for probe in probes:
        try:
            recording.output(probe)
        except SourceError as error:
            found.append(str(error))
    return "\n".join(found).replace("\\", "")


def read(folder: Path, behaviour: Behaviour, probes: list[Probe]) -> tuple[str, float]:
    """What is wrong with the host, as reading it says, and the time that this took."""
    with hostile(folder, behaviour) as server:
        connection = server.connect()
        started = time.monotonic()
        try:
            text = said(gather(connection, probes, {}, BRIEF), probes)
        except SourceError as error:
            text = str(error)
        finally:
            connection.close()
        return text, time.monotonic() - started


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_host_that_does_not_answer_is_an_error_in_time(name: str, tmp_path: Path) -> None:
    behaviour, expected = BEHAVIOURS[name]
    text, seconds = read(tmp_path, behaviour, PROBES)
    assert seconds < LIMIT_S
    assert re.search(expected, text, re.DOTALL), text
    assert "login shell" not in text or "login shell" in expected
    assert len(text) < 8000


def test_after_a_silent_round_a_host_is_asked_nothing_more(tmp_path: Path) -> None:
    with hostile(tmp_path, Behaviour(one_probe)) as server:
        connection = server.connect()
        # The round in which the first probe ended, and one in which the second did; reading ends with the time of all.
        recording = gather(connection, PROBES, {}, BRIEF)
        connection.close()
    assert recording.outputs["p0"].stdout == b"x\n"
    assert recording.about["cut probes"] in {"p1, p2", "p1"}
    assert "got 1 of 3 probes, waited for probe 'p1'" in said(recording, PROBES)


def test_a_silent_lane_beside_another_is_an_error_in_time(tmp_path: Path) -> None:
    text, seconds = read(tmp_path, Behaviour(silent), [*PROBES, *BESIDE])
    assert "waited for the first frame" in text
    assert seconds < LIMIT_S


@pytest.mark.parametrize("behaviour", [silent, reads_nothing, floods_beyond_the_window])
def test_the_limit_of_a_command_holds_whatever_the_host_does(behaviour: object, tmp_path: Path) -> None:
    with hostile(tmp_path, Behaviour(behaviour, always=True)) as server:  # type: ignore[arg-type]  # one of functions
        connection = server.connect()
        started = time.monotonic()
        with pytest.raises(SourceError) as caught:
            connection.run("cat", limit_s=1.0, stdin=b"z" * (32 << 20))
        seconds = time.monotonic() - started
        connection.close()
    assert seconds < LIMIT_S
    # A flood may also break the connection, or bring more than is accepted before the limit comes.
    assert isinstance(caught.value, CommandTimedOut | OutputTooLarge) or "broke" in str(caught.value)


def test_a_stream_of_a_host_that_reads_nothing_ends(tmp_path: Path) -> None:
    with hostile(tmp_path, Behaviour(reads_nothing, always=True)) as server:
        connection = server.connect()
        started = time.monotonic()
        with connection.follow("cat") as stream:
            assert stream.read(0.2) == b""
        connection.close()
        assert time.monotonic() - started < 10


def test_a_lane_that_hangs_costs_the_other_nothing(tmp_path: Path) -> None:
    def one_lane_hangs(command: Command) -> None:
        command.announce()
        mark, count = command.read_script()
        rows = command.frames(mark, count)
        if count == len(BESIDE):
            # More than fits a window: it ends when it is taken.
            command.channel.sendall(rows[0] + b"y" * (3 << 20) + b"".join(rows[1:]))
            command.channel.sendall_stderr(b"".join(rows))
            command.finish()
        else:
            command.both(b"".join(rows[:2]))
            command.wait()

    # What is left of the lane is taken in `end_s`, as long as it keeps coming.
    limits = dataclasses.replace(BRIEF, end_s=20.0)
    with hostile(tmp_path, Behaviour(one_lane_hangs)) as server:
        connection = server.connect(limits)
        recording = gather(connection, [*PROBES, *BESIDE], {}, limits)
        connection.close()
    assert len(recording.output(BESIDE[0]).stdout) == (3 << 20) + 2
    assert recording.output(BESIDE[1]).stdout == b"x\n"
    assert recording.output(PROBES[0]).stdout == b"x\n"
    assert recording.about["cut probes"].startswith("p1")


def test_a_probe_that_is_cut_has_no_part_of_a_secret(tmp_path: Path) -> None:
    def cuts_in_a_password(command: Command) -> None:
        command.announce()
        mark, count = command.read_script()
        command.both(command.frames(mark, count)[0] + b"z" * 79 + b' vncpasswd="hunter2 and more"')
        command.finish(1)

    text, _ = read(tmp_path, Behaviour(cuts_in_a_password), PROBES)
    assert "it had printed" in text
    assert "hunter" not in text
