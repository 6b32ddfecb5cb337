"""A failure by a time limit on a starved lab host is an error with the figures; any other failure stays a failure."""

import getpass
from pathlib import Path

import pytest

from selftest.findings import a_finding
from selftest.lab.suite import Suite, SuiteRun
from selftest.sshd import HOST, starter
from xenproof.results.host_load import STARVED, HostLoad
from xenproof.results.verdict import Outcome
from xenproof.suite.expect import Mismatch
from xenproof.suite.host_load import judged_by_load
from xenproof.suite.outcome import End

STARVING = HostLoad(30.0, ran_s=10.0, denied_s=20.0, pressure=1.0)
WELL = HostLoad(30.0, ran_s=20.0, denied_s=5.0, pressure=0.2)
BUSY_DOM0 = HostLoad(30.0, steal=0.9, load=40.0, pressure=1.0)
KILLED = "libxl: error: killing execution of /etc/xen/scripts/block add because of timeout\nlibxl: error: more"
REFUSED = "libxl: error: script: Could not find bridge device nobr"
EXPIRED = ("the suite waited 60 s for a state that did not come",)


def failed(found: str) -> tuple[End, Mismatch]:
    error = Mismatch("it boots", a_finding("ready", found, "the console"))
    return End(Outcome.FAIL, "it boots"), error


@pytest.mark.parametrize(
    ("found", "load", "expired", "outcome"),
    [
        (KILLED, STARVING, (), Outcome.ERROR),
        (REFUSED, STARVING, EXPIRED, Outcome.ERROR),
        (REFUSED, STARVING, (), Outcome.FAIL),
        (KILLED, WELL, EXPIRED, Outcome.FAIL),
        (KILLED, None, EXPIRED, Outcome.FAIL),
        (KILLED, BUSY_DOM0, EXPIRED, Outcome.FAIL),
    ],
)
def test_only_a_time_limit_on_a_starved_lab_host_makes_an_error(
    found: str, load: HostLoad | None, expired: tuple[str, ...], outcome: Outcome
) -> None:
    end, error = failed(found)
    judged = judged_by_load(end, error, load, expired)
    assert judged.outcome is outcome
    if outcome is Outcome.FAIL:
        assert judged == end
        return
    first = judged.reason.splitlines()[0]
    assert first.endswith((KILLED.splitlines()[0], EXPIRED[0]))
    assert "in 30 s its QEMU ran for 10.0 s and was denied 20.0 s, 67% of what it wanted" in judged.reason
    assert found.splitlines()[0] in judged.reason


def test_the_reason_is_bounded() -> None:
    end, error = failed(f"{KILLED}\n{'x' * 100_000}")
    assert len(judged_by_load(end, error, STARVING, ()).reason) < 4200


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.NOT_EVALUABLE, Outcome.NOT_APPLICABLE])
def test_another_end_stays_as_it_is(outcome: Outcome) -> None:
    end = End(outcome, KILLED)
    assert judged_by_load(end, ValueError(KILLED), STARVING, EXPIRED) == end


def test_an_assertion_of_a_users_own_check_is_judged_alike() -> None:
    end = End(Outcome.FAIL, "AssertionError", "the traceback")
    judged = judged_by_load(end, AssertionError(KILLED), STARVING, ())
    assert (judged.outcome, judged.details) == (Outcome.ERROR, "the traceback")


def test_the_threshold_is_a_share_of_what_was_wanted() -> None:
    at, above = (HostLoad(9.0, ran_s=2 - 2 * STARVED, denied_s=2 * STARVED + more) for more in (0.0, 0.01))
    assert not at.starved
    assert above.starved
    assert HostLoad(9.0, ran_s=0.0, denied_s=0.0).denied == 0.0
    assert not HostLoad(9.0, ran_s=0.1, denied_s=0.8).starved  # of so little, a share says nothing


# This machine stands in for a lab host: the clock of "its QEMU" runs as {share} says.
_PLUGIN = """
import dataclasses, os, time
import xenproof.hosts.opening as opening
import xenproof.suite.host_load as host_load
from xenproof.facts.identity import Identity
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.processor_time import ProcessorClock

Identity.require_dom0 = lambda self, url: None
SHARE = {share}
reach = opening._reach

def reached(opened, *rest):
    reach(opened, *rest)
    if SHARE is not None:
        opened.target = dataclasses.replace(opened.target, qemu=ProcessIdentity.of(os.getpid()))

def clock(pid):
    ns = int(time.monotonic() * 1e11)
    return ProcessorClock(time.monotonic(), {{1: (int(ns * (1 - SHARE)), int(ns * SHARE))}}, time.monotonic())

opening._reach = reached
host_load.read_clock = clock
"""
_CHECKS = '''
from xenproof.run.waiting import wait_until

def test_in_time(dom0):
    """It comes in time."""

def test_waits(dom0):
    """It waits for what does not come."""
    assert wait_until(lambda: "nothing", lambda state: state == "ready", 0.2) == "ready"

def test_is_wrong(dom0):
    """It is wrong at once."""
    assert dom0.run("echo wrong").text == "right"
'''


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, share: float | None, *arguments: str, hosts: str = "local://"
) -> SuiteRun:
    (folder / "as_a_lab_host.py").write_text(_PLUGIN.format(share=share))
    checks = folder / "own" / "test_own.py"
    checks.parent.mkdir()
    checks.write_text(_CHECKS)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    options = ("-p", "as_a_lab_host", "--profile=debian12", f"--hosts={hosts}", "-o", f"cache_dir={folder}/pytest")
    return Suite(folder / "report").run(*options, *arguments, str(checks), limit_s=120)


def outcomes(done: SuiteRun) -> dict[str, str]:
    return {verdict.id.rpartition("::")[2]: str(verdict.outcome) for verdict in done.verdicts}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_starved_host_gives_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]) -> None:
    done = run(tmp_path, monkeypatch, 0.6, *workers, "-k", "not wrong")
    assert outcomes(done) == {"test_in_time": "pass", "test_waits": "error"}, done.output
    assert done.exit_status == 6
    assert "denied 60% of the processor time" in " ".join(done.output.split())
    for verdict in done.verdicts:
        assert verdict.load is not None
        assert verdict.load.denied_s == pytest.approx(0.6 * verdict.load.wanted_s, rel=0.01)
    page = (tmp_path / "report" / "report.html").read_text()
    assert "starved: in 1 check that failed or has an error" in page
    assert "its QEMU was denied 60% of the processor time that it wanted, 60% in the worst check" in page


def test_what_is_wrong_at_once_fails_on_a_starved_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, monkeypatch, 0.6)
    assert outcomes(done) == {"test_in_time": "pass", "test_waits": "error", "test_is_wrong": "fail"}, done.output
    assert done.exit_status == 1


def test_a_host_that_gets_its_processors_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(tmp_path, monkeypatch, 0.2)
    assert outcomes(done) == {"test_in_time": "pass", "test_waits": "fail", "test_is_wrong": "fail"}, done.output
    assert done.exit_status == 1
    assert "starved" not in done.output
    assert "20% of what it wanted" in " ".join(done.output.split())


@pytest.mark.parametrize("over_ssh", [False, True], ids=["local", "ssh"])
def test_another_host_fails_and_says_how_busy_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over_ssh: bool
) -> None:
    if over_ssh:
        with starter(tmp_path) as start:
            (server := start()).wait_until_it_listens()
            keys = (f"--identity={tmp_path}/id", f"--known-hosts={tmp_path}/known_hosts")
            url = f"ssh://{getpass.getuser()}@{HOST}:{server.port}"
            done = run(tmp_path, monkeypatch, None, *keys, hosts=url)
    else:
        done = run(tmp_path, monkeypatch, None)
    assert outcomes(done) == {"test_in_time": "pass", "test_waits": "fail", "test_is_wrong": "fail"}, done.output
    assert "of dom0's processor time was stolen; its load was" in " ".join(done.output.split())
    for verdict in done.verdicts:
        assert verdict.load is not None
        assert verdict.load.steal is not None
        assert verdict.load.load is not None
        assert verdict.load.denied == 0.0
