"""On a starved host, guests are created in turns: as many at once as the host gets processors."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY
from xenproof.guest.host.starts import NO_LIMIT, Starts
from xenproof.run.processor_time import ProcessorClock

LIMIT_S = 30.0


class Clock:
    """The counters of a QEMU that runs on `ran` processors and waits for `denied`, in steps of ten seconds."""

    def __init__(self, ran: float, denied: float, step_s: float = 10.0) -> None:
        self.ran, self.denied, self.step_s = ran, denied, step_s
        self._at_s = self._ran_s = self._denied_s = 0.0

    def read(self) -> ProcessorClock:
        self._at_s += self.step_s
        self._ran_s += self.step_s * self.ran
        self._denied_s += self.step_s * self.denied
        return ProcessorClock(self._at_s, {1: (int(self._ran_s * 1e9), int(self._denied_s * 1e9))}, None)


@pytest.mark.parametrize(
    ("ran", "denied", "at_once"),
    [
        (2.0, 0.0, NO_LIMIT),
        (1.6, 0.4, NO_LIMIT),
        (1.0, 1.0, 1),
        (0.2, 1.8, 1),
        (3.6, 4.4, 4),
        (0.0, 0.0, NO_LIMIT),
    ],
)
def test_as_many_are_created_as_the_host_gets_processors(
    tmp_path: Path, ran: float, denied: float, at_once: int
) -> None:
    assert Starts(tmp_path, "lab://x", Clock(ran, denied).read).at_once() == at_once


def test_it_follows_what_the_host_gets(tmp_path: Path) -> None:
    clock = Clock(1.0, 1.0)
    starts = Starts(tmp_path, "lab://x", clock.read)
    assert starts.at_once() == 1
    clock.denied = 0.0
    assert starts.at_once() == NO_LIMIT
    clock.denied, clock.step_s = 1.0, 0.1
    assert starts.at_once() == NO_LIMIT  # too short to say anything
    clock.step_s = 30.0
    assert starts.at_once() == 1


def test_a_host_that_no_qemu_here_runs_has_no_limit(tmp_path: Path) -> None:
    starts = Starts(tmp_path, "ssh://x", lambda: None)
    assert starts.at_once() == NO_LIMIT
    with starts.turn("a"), starts.turn("b"), starts.turn("c"):
        pass


def test_two_workers_take_turns_on_a_starved_host(tmp_path: Path) -> None:
    """Each has its own `Starts`, as each is a process of its own; they share the run's folder."""
    running, most, began = [0], [0], threading.Barrier(3)

    def start(name: str) -> None:
        starts = Starts(tmp_path, "lab://x", Clock(1.0, 1.0).read)
        began.wait(LIMIT_S)
        with starts.turn(name):
            running[0] += 1
            most[0] = max(most[0], running[0])
            time.sleep(0.01)  # not a wait: so that others would overlap
            running[0] -= 1

    threads = [threading.Thread(target=start, args=(f"guest-{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    assert most == [1]


def test_a_turn_that_does_not_come_is_not_waited_for_endlessly(tmp_path: Path) -> None:
    first, second = (Starts(tmp_path, "lab://x", Clock(1.0, 1.0).read) for _ in range(2))
    began = time.monotonic()
    with first.turn("a"), second.turn("b", limit_s=0.2):
        assert 0.2 <= time.monotonic() - began < LIMIT_S


def test_a_worker_that_died_holds_no_turn(tmp_path: Path) -> None:
    takes = "import os, sys; from pathlib import Path; from xenproof.guest.host.starts import Starts; "
    takes += "turn = Starts(Path(sys.argv[1]), 'lab://x', lambda: None).turn('a'); turn.__enter__(); os._exit(0)"
    subprocess.run([sys.executable, "-c", takes, str(tmp_path)], check=True, timeout=LIMIT_S, cwd=REPOSITORY)
    assert '"a"' in next(tmp_path.glob("starts-*.json")).read_text()
    began = time.monotonic()
    with Starts(tmp_path, "lab://x", Clock(1.0, 1.0).read).turn("b", limit_s=LIMIT_S):
        assert time.monotonic() - began < LIMIT_S
