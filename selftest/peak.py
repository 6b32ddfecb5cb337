"""The most memory that a command took."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BOUND_MIB = 500
"""What a run may take for one host, whatever that is."""


def own_peak_mib() -> int:
    """The most memory that this process had, in MiB; what `getrusage` says of one begins with its parent's."""
    # VmHWM:	   66084 kB
    return int(Path("/proc/self/status").read_text("utf-8").partition("VmHWM:")[2].split()[0]) >> 10


# Linux counts for a program what the process had that became it, a copy of the one that started it: so a small process
# starts the command, not ours.
_STARTER = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, what it printed, and the most resident memory that it had, in MiB."""

    exit_status: int
    output: str
    peak_mib: float


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None, limit_s: float = 120) -> Ended:
    """Run a command, whose program is a path, to its end; its figures pass files in `folder`.

    Raises TimeoutExpired after `limit_s`, with the command and its children killed.
    """
    told = folder / "usage"
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", _STARTER, str(told), *command],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=limit_s)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    status, peak_kib = told.read_text().split()
    return Ended(int(status), output.decode("utf-8", "replace"), int(peak_kib) / 1024)
