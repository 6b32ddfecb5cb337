"""A run that is interrupted, once or twice, at its beginning or at its end: it says so, and leaves nothing."""

import os
import pty
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, Suite
from selftest.started import Started
from xenproof.results.json_file import read_results
from xenproof.results.results import Results

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
LIMIT_S = 60.0
"""Of waiting; a run here takes seconds, and twelve where workers have to be ended."""
INTERRUPTED = "The run was interrupted: not every check ran."
_RECORDING = REPOSITORY / "selftest" / "data" / "recordings" / "sles12-replica.json"

# A check as a user writes them.  It notes how far it came, and what it does takes until a file is there.
_SLOW = """
import os, time
from pathlib import Path
import pytest

FOLDER = Path(os.environ["SLOW_FOLDER"])

def wait_at(place):
    (FOLDER / place).write_text(str(os.getpid()))
    while not (FOLDER / f"go on from {place}").exists():
        time.sleep(0.01)

@pytest.fixture(scope="session")
def guests(target, recording):
    yield
    wait_at("removal")
    if (FOLDER / "broken").exists():
        raise RuntimeError("a guest that stays")

def test_something(guests):
    \"\"\"Something that takes long.\"\"\"
    if (FOLDER / "unclosed").exists():
        held = open(FOLDER / "unclosed")
    wait_at("check")
"""
_AT = """
import os, time
from pathlib import Path
import xenproof.report.write as write

FOLDER = Path(os.environ["SLOW_FOLDER"])

def wait():
    (FOLDER / "{place}").touch()
    while not (FOLDER / "go on from {place}").exists():
        time.sleep(0.01)

def pytest_configure(config):
    if "{place}" == "cleanup":  # pytest's last step, which is no hook
        config.add_cleanup(wait)

if "{place}" != "cleanup":
    pytest_{place} = lambda: wait()
"""


class Slow:
    """A run of one slow check, and how it ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = [f"recording://{_RECORDING}"]
        self._suite = Suite(folder / "report")
        (folder / "test_slow.py").write_text(_SLOW)
        self.run: Started

    def start(self, *arguments: str, terminal: int | None = None, by: Sequence[str] = ()) -> None:
        """Start it `by` another program."""
        command = self._suite.command(
            "--profile=sles12", f"--hosts={','.join(self.hosts)}", "-o", f"cache_dir={self.folder}/pytest",
            str(self.folder / "test_slow.py"), *arguments,
        )  # fmt: skip
        self.run = Started([*by, "env", f"SLOW_FOLDER={self.folder}", *command], self.folder / "run", terminal=terminal)

    def comes_to(self, place: str) -> None:
        """Wait until it is there; raises AssertionError where it does not come so far."""
        assert self.run.wait_until(lambda _: (self.folder / place).exists(), LIMIT_S), self.run.output

    def goes_on(self, place: str) -> None:
        """Let it go on there."""
        (self.folder / f"go on from {place}").touch()

    def send(self, *signals: signal.Signals, to_group: bool = False) -> None:
        """Send it signals, each when the one before was delivered."""
        for sent in signals:
            self.run.send(sent, to_group=to_group)
            self.run.wait_until(lambda _: not _is_pending(self.run.process.pid, sent), LIMIT_S)  # noqa: B023

    def ended(self) -> Results:
        """Its report, of a run that ended and left nothing; the report says what its status said."""
        status = self.run.process.wait(LIMIT_S)
        assert self.run.left(LIMIT_S) == []
        assert "Traceback" not in self.run.output, self.run.output
        results = read_results(self.folder / "report" / "results.json")
        assert results.exit_status == status, self.run.output
        return results


def _is_pending(pid: int, sent: signal.Signals) -> bool:
    """Whether a process was not handed a signal yet that was sent to it."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith(("ShdPnd:", "SigPnd:")) and int(line.split()[1], 16) >> (sent - 1) & 1:
                return True
    return False


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    """A run that is not started yet."""
    made = Slow(tmp_path)
    yield made
    made.run.end()


@pytest.mark.parametrize("sent", [INT, TERM, HUP], ids=lambda sent: sent.name)
def test_what_is_on_the_hosts_is_removed(slow: Slow, sent: signal.Signals) -> None:
    slow.start()
    slow.comes_to("check")
    slow.send(sent)
    slow.comes_to("removal")
    slow.goes_on("removal")

    results = slow.ended()
    assert results.exit_status == 2
    assert INTERRUPTED in results.notes
    assert "what the run has on its hosts is being removed" in slow.run.output


@pytest.mark.parametrize(
    "again", [(INT,), (TERM,), (HUP,), (INT, INT, TERM)], ids=lambda sent: "+".join(s.name for s in sent)
)
def test_who_asks_again_does_not_wait_for_that(slow: Slow, again: tuple[signal.Signals, ...]) -> None:
    slow.start()
    slow.comes_to("check")
    slow.send(INT)
    slow.comes_to("removal")
    slow.send(*again)

    results = slow.ended()
    assert results.exit_status == 2
    assert INTERRUPTED in results.notes


@pytest.mark.parametrize("to_group", [True, False], ids=["group", "main"])
def test_workers_end_with_the_run_that_is_interrupted_twice(slow: Slow, *, to_group: bool) -> None:
    slow.start("-n", "2")
    slow.comes_to("check")
    slow.send(INT, INT, to_group=to_group)

    results = slow.ended()
    assert results.exit_status == 2
    assert INTERRUPTED in results.notes


def test_a_worker_that_is_ended_is_no_verdict(slow: Slow) -> None:
    slow.start("-n", "2")
    slow.comes_to("check")
    os.kill(int((slow.folder / "check").read_text("ascii")), TERM)
    for place in ("check", "removal"):
        slow.goes_on(place)  # another worker does it once more

    results = slow.ended()
    assert results.exit_status == 6
    assert sorted(verdict.outcome for verdict in results.verdicts) == ["error", "pass"]
    assert "crashed" in "".join(verdict.details for verdict in results.verdicts)


def test_a_terminal_that_is_closed_interrupts_the_run(slow: Slow) -> None:
    ours, its = pty.openpty()
    with ExitStack() as held:
        held.callback(os.close, its)
        slow.start(terminal=its)
        slow.comes_to("check")
        os.close(ours)
    slow.goes_on("removal")

    results = slow.ended()
    assert results.exit_status == 2
    assert INTERRUPTED in results.notes


def test_a_guest_that_cannot_be_removed_keeps_no_report_back(slow: Slow) -> None:
    (slow.folder / "broken").touch()
    slow.start()
    slow.comes_to("check")
    slow.goes_on("removal")
    slow.send(INT)

    assert slow.ended().exit_status == 2
    assert "could not all be removed: a guest that stays" in slow.run.output


def test_what_an_interrupted_check_did_not_close_is_no_verdict(slow: Slow) -> None:
    (slow.folder / "unclosed").touch()
    slow.start()
    slow.comes_to("check")
    slow.goes_on("removal")
    slow.send(INT)

    assert slow.ended().exit_status == 2


def _held_at(slow: Slow, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (slow.folder / "waiting.py").write_text(_AT.format(place=place))
    monkeypatch.setenv("PYTHONPATH", f"{slow.folder}:{REPOSITORY}")
    slow.start("-p", "waiting")


@pytest.mark.parametrize("hook", ["sessionfinish", "terminal_summary", "unconfigure"])
def test_a_run_whose_checks_have_all_run_ends_as_it_would_have(
    slow: Slow, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    for place in ("check", "removal"):
        slow.goes_on(place)
    _held_at(slow, monkeypatch, hook)
    slow.comes_to(hook)
    slow.send(INT, INT)
    slow.goes_on(hook)

    results = slow.ended()
    assert results.exit_status == 0
    assert len(results.verdicts) == 1


def test_an_interrupted_run_is_not_ended_by_a_signal_after_its_report(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    _held_at(slow, monkeypatch, "cleanup")
    slow.comes_to("check")
    slow.send(INT)
    slow.goes_on("removal")
    slow.comes_to("cleanup")
    slow.send(TERM)
    slow.goes_on("cleanup")

    assert slow.ended().exit_status == 2


def test_a_run_is_interrupted_twice_while_a_host_is_read(slow: Slow) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(LIMIT_S)
        slow.hosts.append(f"ssh://root@127.0.0.1:{silent.getsockname()[1]}")
        slow.start()
        connection, _ = silent.accept()
        with connection:
            slow.send(INT, INT)
            results = slow.ended()
    assert results.exit_status == 2
    assert INTERRUPTED in results.notes


@pytest.mark.parametrize("hook", ["sessionstart", "collection"])  # while workers start, and while checks are collected
def test_a_run_is_interrupted_twice_before_any_check(slow: Slow, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    _held_at(slow, monkeypatch, hook)
    slow.comes_to(hook)
    slow.send(INT, INT)

    results = slow.ended()
    assert results.exit_status == 2
    assert INTERRUPTED in results.notes
    assert slow.run.output.count("the run was interrupted") == 1


def test_what_is_ignored_stays_ignored(slow: Slow) -> None:
    slow.start(by=["nohup"])
    slow.comes_to("check")
    slow.send(HUP)
    slow.goes_on("check")
    slow.goes_on("removal")
    assert slow.ended().exit_status == 0
