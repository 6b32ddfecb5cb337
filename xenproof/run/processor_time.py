"""The processor time that a process got on this machine, and the time for which it was denied one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_NS = 1e-9
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """A span, in seconds: `seconds` passed, in which the threads of the process ran for `ran_s` together.

    `denied_s` is how long they could have run, but waited for a processor.  `pressed_s` is how long any process of this
    machine waited for one, None where its kernel does not count that.
    """

    seconds: float
    ran_s: float
    denied_s: float
    pressed_s: float | None


@dataclass(frozen=True, slots=True)
class ProcessorClock:
    """The counters of a process at one moment; the difference of two is a `ProcessorTime`."""

    at_s: float
    threads: Mapping[int, tuple[int, int]] = field(repr=False)
    pressed_s: float | None

    def since(self, before: "ProcessorClock") -> ProcessorTime:
        """The span from `before` until now; the last of what a thread did that has ended meanwhile is lost."""
        ran = denied = 0
        for thread, (ran_ns, denied_ns) in self.threads.items():
            ran_before, denied_before = before.threads.get(thread, (0, 0))
            # The number of a thread that ended may be used again: then the counters began anew.
            ran += ran_ns - ran_before if ran_ns >= ran_before else ran_ns
            denied += denied_ns - denied_before if denied_ns >= denied_before else denied_ns
        pressed = None
        if self.pressed_s is not None and before.pressed_s is not None:
            pressed = self.pressed_s - before.pressed_s
        return ProcessorTime(self.at_s - before.at_s, ran * _NS, denied * _NS, pressed)


def read_clock(pid: int, proc: Path = _PROC) -> ProcessorClock | None:
    """The counters of the process now; None where it has ended, or where the kernel counts nothing."""
    threads = {}
    try:
        for task in (proc / str(pid) / "task").iterdir():
            if counters := _counters(task / "schedstat"):
                threads[int(task.name)] = counters
    except (OSError, ValueError):
        return None
    # A kernel that does not count prints zeros.
    counts = any(ran or denied for ran, denied in threads.values())
    return ProcessorClock(time.monotonic(), threads, _pressed_s(proc)) if counts else None


def _counters(schedstat: Path) -> tuple[int, int] | None:
    """How long a thread ran and how long it waited to run, in nanoseconds; None if it has just ended."""
    try:
        text = schedstat.read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return None
    ran, denied, _ = text.split()
    if not (ran.isdigit() and denied.isdigit()):
        raise ValueError(f"expected nanoseconds in {schedstat}, found {text[:100]!r}")
    return int(ran), int(denied)


def _pressed_s(proc: Path) -> float | None:
    try:
        text = (proc / "pressure" / "cpu").read_text("ascii")
    except OSError:
        return None
    return some_pressure_s(text)


def some_pressure_s(text: str) -> float | None:
    """How long something waited for a processor since the boot, in seconds, by a text of /proc/pressure/cpu."""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        total = rest.rpartition(" total=")[2]
        if kind == "some" and total.isascii() and total.isdigit() and len(total) < 19:
            return int(total) / 1e6
    return None
