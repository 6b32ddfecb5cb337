"""A run of the suite that is to be ended before it ends by itself, and all that is left of it on this machine."""

import fcntl
import os
import secrets
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from selftest.lab.suite import REPOSITORY, clean_environment
from xenproof.run import cache
from xenproof.run.waiting import wait_until

_MARK = "XENPROOF_SELFTEST_RUN"


class Started:
    """The suite as a user starts it from a terminal, with a cache and a folder for temporary files of its own.

    Whatever it starts bears its mark, whichever session or parent that has by now.
    """

    def __init__(self, command: Sequence[str], folder: Path, *, terminal: int | None = None) -> None:
        """`terminal` is what it is started from and prints to; where that is None, a file takes its output."""
        self.cache, self.temporary = folder / "cache", folder / "tmp"
        self.cache.mkdir(parents=True)
        self.temporary.mkdir()
        (self.cache / "images").symlink_to(cache.cache_folder() / "images")
        self._mark = secrets.token_hex(16)
        self._output = folder / "output"
        environment = {
            **clean_environment(), "XENPROOF_CACHE": str(self.cache), "TMPDIR": str(self.temporary), _MARK: self._mark,
        }  # fmt: skip
        with self._output.open("wb") as file:
            out = file.fileno() if terminal is None else terminal
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=environment, start_new_session=True, preexec_fn=partial(_as_from_a_terminal, terminal),
            )  # fmt: skip
        self.began = time.monotonic()

    @property
    def output(self) -> str:
        """What it has printed."""
        return self._output.read_text("utf-8", "replace")

    def wait_until(self, reached: Callable[[str], object], limit_s: float) -> bool:
        """Whether it came to what `reached` says of its output while it ran; raises AssertionError after `limit_s`."""
        deadline = time.monotonic() + limit_s
        while self.process.poll() is None:
            if reached(self.output):
                return True
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)  # a poll with the deadline above
        return False

    def send(self, sent: signal.Signals, *, to_group: bool) -> None:
        """Send it a signal, if it is still there; to its whole group, as a terminal does for Ctrl-C."""
        with suppress(ProcessLookupError):
            if to_group:
                os.killpg(self.process.pid, sent)
            else:
                self.process.send_signal(sent)

    def processes(self) -> list[psutil.Process]:
        """All that still runs of it."""
        return [process for process in psutil.process_iter() if _environment(process).get(_MARK) == self._mark]

    def left(self, limit_s: float) -> list[str]:
        """What still runs of it, and what it left in its folders, after at most `limit_s` for processes to end."""
        processes = wait_until(self.processes, lambda found: not found, limit_s)
        # pytest itself keeps its own of the last three runs.
        files = [path for path in self.temporary.iterdir() if not path.name.startswith("pytest-of-")]
        files += [*(self.cache / "runs").glob("*-*")]
        return [f"process {' '.join(_words(process))}" for process in processes] + [f"file {path}" for path in files]

    def end(self) -> None:
        """Kill what is left of it."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()
        self.process.kill()
        self.process.wait()


def _as_from_a_terminal(terminal: int | None) -> None:
    """For a child before it executes: it hears what a terminal sends, even if a shell started us in the background."""
    for sent in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(sent, signal.SIG_DFL)
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ()) if process.status() != psutil.STATUS_ZOMBIE else {}
    except (psutil.Error, OSError):
        return {}  # it has ended, or is somebody else's


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return [str(process.pid)]
