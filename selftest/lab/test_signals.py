"""A run with guests that is ended by signals, at any moment of it, leaves nothing: here, or on its host."""

import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from selftest.lab.guests import image_of
from selftest.lab.suite import Suite, options
from selftest.lab.traces import left_on, traces
from selftest.started import Started
from xenproof.guest.host.leftovers import Leftover
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.lab.host import LabHost
from xenproof.run import runs
from xenproof.source.connection import Connection

INT, TERM, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
SEED = 18
"""Of the moments; with another one they are others."""
COUNT = 50
END_LIMIT_S = 240.0
"""A run that is interrupted takes its guests down: seconds, on a host that has nothing else to do."""
SETTLE_LIMIT_S = 120.0
RUN_LIMIT_S = 600.0
ATTEMPTS = 3
SELECTIONS = {"one-process": ("-k", "blkback"), "two-workers": ("-n", "2")}
# As a user writes it.  Where a guest has begun to boot it is removed: all that changes something on a host is in
# it, and none of the minutes in which nothing does.
_CHECK = """
import pytest

from xenproof.xen.backend import DiskBackend

@pytest.mark.parametrize("backend", list(DiskBackend))
def test_a_guest_begins(target, guests, backend):
    \"\"\"A guest on {backend} begins to boot.\"\"\"
    guest = guests.lend(backend)
    try:
        guest.boot(600.0, unless=bool)
    finally:
        guest.remove()
"""
# What the check needs: a host is read in no time.
_PROFILE = """
name: small
title: Where grub.xen is, and nothing else
scheme: deb
families:
  guest:
    grub_xen:
      req: [S02]
      source: Debian package grub-xen-host
      status: verified
      path: /usr/lib/grub-xen/grub-x86_64-xen.bin
"""
INTERRUPTED = "The run was interrupted: not every check ran."


@dataclass(frozen=True)
class Moment:
    """At which part of a run's length what is sent, and so many seconds later what else."""

    selection: str
    part: float
    signals: tuple[signal.Signals, ...]
    pause_s: float
    to_group: bool

    def __str__(self) -> str:
        sent = f"+{self.pause_s:.1f}s+".join(each.name.removeprefix("SIG") for each in self.signals)
        return f"{sent}@{self.part:.1%}-{'group' if self.to_group else 'main'}-{self.selection}"


def _moments(rng: random.Random) -> Iterator[Moment]:
    """Moments all over the length of a run, and all ways to end one at early and at late ones."""
    ways = [(INT,), (KILL,), (TERM,), (INT, INT), (KILL,), (INT,), (TERM,), (INT, TERM), (KILL,), (INT, INT)]
    for number in range(COUNT):
        part = (number + rng.random()) / COUNT * 0.98
        selection = rng.choice(list(SELECTIONS))
        yield Moment(selection, part, ways[number % len(ways)], rng.uniform(0.1, 3.0), rng.random() < 0.5)


def _shuffled(seed: int) -> list[Moment]:
    rng = random.Random(seed)  # noqa: S311  # nothing secret
    moments = list(_moments(rng))
    rng.shuffle(moments)
    return moments


MOMENTS = _shuffled(SEED)


@dataclass(frozen=True)
class Normal:
    """How the host is after a run that was not ended, and how long those take."""

    traces: frozenset[Leftover]
    length_s: dict[str, float]
    """As it was the last time: on a machine that has other work, too, it changes."""


@pytest.fixture(scope="module")
def normal(shared_host: LabHost, shared_shell: Connection, tmp_path_factory: pytest.TempPathFactory) -> Normal:
    """After a run of each selection."""
    ensure_guest_image(image_of(shared_host))
    length_s = {}
    for name in SELECTIONS:
        # Its checks prove nothing here: on a machine with much other work they come to their limits.
        status, length_s[name], _ = _whole_run(shared_host, tmp_path_factory.mktemp("normal"), name)
        _say(f"{name}: {length_s[name]:.1f} s, ended with {status}")
    return Normal(traces(shared_shell), length_s)


@pytest.mark.releases
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_run_that_is_ended_leaves_nothing(
    shared_host: LabHost, shared_shell: Connection, normal: Normal, tmp_path: Path, moment: Moment
) -> None:
    for attempt in range(ATTEMPTS):
        folder = tmp_path / str(attempt)
        suite = Suite(folder / "report")
        run = Started(_command(suite, shared_host, folder, moment.selection), folder / "run")
        try:
            if not _struck(run, moment, normal):
                continue
            status = run.process.wait(END_LIMIT_S)
            _say(f"ended after {time.monotonic() - run.began:.2f} s with {status}; it had printed:\n{run.output}")
            wrong = [f"on the host: {each}" for each in left_on(shared_shell, normal.traces, SETTLE_LIMIT_S)]
            wrong += _left_here(run, moment) + _wrong_in_report(run, moment, suite)
            _say(f"{moment}: {wrong or 'well'}")
            assert wrong == []
            return
        finally:
            run.end()
    pytest.fail(f"{ATTEMPTS} runs ended before their signal: the machine has another speed each time")


@pytest.mark.releases
def test_after_all_of_them_a_run_is_as_good_as_before(
    shared_host: LabHost, shared_shell: Connection, normal: Normal, tmp_path: Path
) -> None:
    status, _, output = _whole_run(shared_host, tmp_path, "two-workers")
    assert status == 0, output
    assert left_on(shared_shell, normal.traces, SETTLE_LIMIT_S) == []


def _command(suite: Suite, host: LabHost, folder: Path, selection: str) -> list[str]:
    check = folder / "guest" / "test_begin.py"
    check.parent.mkdir(parents=True)
    check.write_text(_CHECK, "utf-8")
    profile = folder / "small.yaml"
    profile.write_text(_PROFILE, "utf-8")
    return suite.command(*options(host), f"--profile={profile}", *SELECTIONS[selection], str(check))


def _whole_run(host: LabHost, folder: Path, selection: str) -> tuple[int, float, str]:
    """Let the suite run to its end: its status, how long that took, in seconds, and what it printed."""
    suite = Suite(folder / "report")
    run = Started(_command(suite, host, folder, selection), folder / "run")
    try:
        status = run.process.wait(RUN_LIMIT_S)
        took_s = time.monotonic() - run.began
        assert run.left(SETTLE_LIMIT_S) == []
    finally:
        run.end()
    return status, took_s, run.output


def _struck(run: Started, moment: Moment, normal: Normal) -> bool:
    """Send the signals of `moment`, unless the run ends before; what they found is printed, to find it again."""
    sent_at = run.began + moment.part * normal.length_s[moment.selection]
    if not run.wait_until(partial(_is_over, sent_at), RUN_LIMIT_S):
        normal.length_s[moment.selection] = took_s = time.monotonic() - run.began
        _say(f"after {took_s:.1f} s it had ended with {run.process.returncode}, before the signal: once more")
        return False
    for number, sent in enumerate(moment.signals):
        if number:
            again_at = time.monotonic() + moment.pause_s
            run.wait_until(partial(_is_over, again_at), END_LIMIT_S)
        state = "it runs" if run.process.poll() is None else f"it had ended with {run.process.returncode}"
        _say(f"{sent.name} after {time.monotonic() - run.began:.2f} s: {state}")
        run.send(sent, to_group=moment.to_group)
    return True


def _is_over(deadline: float, _output: str) -> bool:
    return time.monotonic() >= deadline


def _left_here(run: Started, moment: Moment) -> list[str]:
    """What is left on this machine of a run that has ended; the files of one that was killed go with the next run."""
    if KILL in moment.signals:
        run.left(SETTLE_LIMIT_S)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XENPROOF_CACHE", str(run.cache))
            runs.clean()
    return run.left(SETTLE_LIMIT_S)


def _wrong_in_report(run: Started, moment: Moment, suite: Suite) -> list[str]:
    """What is not as it should be in what a run says that was interrupted, if it was not killed."""
    status = run.process.returncode
    if KILL in moment.signals:
        return [] if status in (-KILL, 0) else [f"exit status {status}"]
    if -status in moment.signals and not suite.report.exists():
        return []  # so early that nothing had begun
    wrong = ["a traceback"] if "Traceback" in run.output else []
    file = suite.report / "results.json"
    if not file.is_file():
        return [*wrong, f"no report, exit status {status}"]
    report = json.loads(file.read_text("utf-8"))
    if status == 1 or report["exit_status"] != status:
        wrong.append(f"exit status {status}, and {report['exit_status']} in the report")
    if status == 2:
        missing = [name for name in ("report.html", "junit.xml") if not (suite.report / name).is_file()]
        wrong += [f"no {name}" for name in missing]
        wrong += [] if INTERRUPTED in report["notes"] else ["the report does not say that the run was interrupted"]
        wrong += [] if "interrupted" in run.output else ["the terminal does not say that the run was interrupted"]
    return wrong


def _say(text: str) -> None:
    """For who looks at a failure: pytest shows it there."""
    sys.stdout.write(f"{text}\n")
