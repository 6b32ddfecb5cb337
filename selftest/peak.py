"""The most memory that a command took."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

BOUND_MIB = 500
"""What a run may take for one host, whatever that is."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, what it printed, and the most resident memory that it had, in MiB."""

    exit_status: int
    output: str
    peak_mib: float


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, limit_s: float = 120) -> Ended:
    """Run a command to its end; it is killed after `limit_s`.  Its output passes a file in `folder`."""
    file = folder / "output"
    with file.open("wb") as output:
        process = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        timer = Timer(limit_s, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(process.returncode, file.read_text("utf-8", "replace"), usage.ru_maxrss / 1024)
