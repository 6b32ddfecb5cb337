"""Running the tests that need no host beside those that do."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

BESIDE = [sys.executable, "-m", "selftest.beside"]
LIMIT_S = 30


def beside(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*BESIDE, *command], capture_output=True, text=True, timeout=LIMIT_S, check=False)


def test_its_exit_status_and_its_words_are_those_of_the_command() -> None:
    done = beside("sh", "-c", "echo one; echo two >&2; exit 3")

    assert done.returncode == 3
    assert done.stdout == "one\ntwo\n"


def test_a_command_that_a_signal_ends_has_failed() -> None:
    assert beside("sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL


def test_the_command_yields_to_whatever_else_runs() -> None:
    assert beside(sys.executable, "-c", "import os; print(os.nice(0))").stdout == "19\n"
    if Path("/proc/self/autogroup").exists():  # not in every kernel
        # /autogroup-3917 nice 19
        assert beside("cat", "/proc/self/autogroup").stdout.split()[1:] == ["nice", "19"]


def test_without_a_command_it_says_how_to_call_it() -> None:
    done = beside()

    assert done.returncode == 4
    assert "usage" in done.stderr


def test_ctrl_c_ends_the_command_with_its_last_words_shown(tmp_path: Path) -> None:
    script = f"trap 'echo ended; exit 2' INT; echo $$ >{tmp_path}/pid; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [*BESIDE, "sh", "-c", script], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        deadline = time.monotonic() + LIMIT_S
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text("ascii").strip():
            assert time.monotonic() < deadline
            time.sleep(0.05)  # a poll with the deadline above
        pid = int((tmp_path / "pid").read_text("ascii"))
        assert psutil.pid_exists(pid)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=LIMIT_S)

    assert output == "ended\n"
    assert process.returncode == 2
    assert not psutil.pid_exists(pid)
