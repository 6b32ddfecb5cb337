"""Runs a target on one input and says what is wrong with how that ended."""

import contextlib
import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from selftest.fuzz.target import FuzzTarget
from xenproof.errors import XenproofError

# Of processor time, which a busy machine does not make longer; tracing makes it about ten times as long.
LIMIT_S = 5.0
MOST_GROWTH = 300 << 20
_OURS = f"{os.sep}xenproof{os.sep}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: a line that is the same for the same fault, and what is known of it."""

    fault: str
    details: str


class Watch:
    """What one input after another does to a target."""

    def __init__(self, target: FuzzTarget, limit_s: float = LIMIT_S) -> None:
        self._target = target
        self._limit_s = limit_s
        self._most = 0

    def look(self, data: bytes) -> Fault | None:
        """What is wrong with how the target took the input, None where nothing is."""
        begin = time.process_time()
        if not self._most:
            forget_peak()
            self._most = peak_bytes() + MOST_GROWTH
        try:
            self._target.run(data)
        except XenproofError:
            pass
        except Exception as error:  # noqa: BLE001  # which of them come is what is looked for
            return Fault(_fault(error), "".join(traceback.format_exception(error, limit=-25)))
        took = time.process_time() - begin
        if (peak := peak_bytes()) > self._most:
            self._most = peak + MOST_GROWTH
            return Fault("memory", f"the process grew to {peak >> 20} MiB, by {MOST_GROWTH >> 20} MiB or more\n")
        if took > self._limit_s:
            return Fault("slow", f"took {took:.1f} s of processor time, expected at most {self._limit_s:.1f} s\n")
        return None


def forget_peak() -> None:
    """Let the most memory that this process has had be what it has now; where Linux does not allow that, nothing."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_bytes() -> int:
    """The most memory that this process has had."""
    # Not getrusage: what a child gets of its parent counts there.
    status = Path("/proc/self/status").read_text("ascii", "replace")
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def _fault(error: Exception) -> str:
    """The kind of the error and where in xenproof it came from."""
    if isinstance(error, RecursionError):
        return "RecursionError"  # it ends at another line each time
    return f"{type(error).__name__} at {_place(error.__traceback__)}"


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    ours = [frame for frame in frames if _OURS in frame.filename and "selftest" not in frame.filename]
    frame = (ours or list(frames))[-1]
    return f"{frame.filename.rpartition(_OURS)[2]}:{frame.lineno}"
