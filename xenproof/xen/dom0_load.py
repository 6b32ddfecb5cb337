"""How busy dom0 is, by its own counters: the time that Xen gave to others, its load, what waited for a processor."""

import re
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.results.host_load import HostLoad
from xenproof.run.processor_time import some_pressure_s
from xenproof.source.connection import Connection
from xenproof.xen.cost import USER_HZ

_READ = "cat /proc/uptime /proc/loadavg /proc/stat; cat /proc/pressure/cpu 2>/dev/null; true"
_LIMIT_S = 10.0
_MOST_BYTES = 1 << 20
# user, nice, system, idle, iowait, irq, softirq, steal, in hundredths of a second; the guest times are part of user.
_CPU = re.compile(r"^cpu +((?:\d{1,20} ){7}\d{1,20})\b", re.ASCII | re.MULTILINE)
_EACH_CPU = re.compile(r"^cpu\d+ ", re.ASCII | re.MULTILINE)
# 350735.47 234388.90
_UPTIME = re.compile(r"(\d{1,12}\.\d{2}) \d{1,15}\.\d{2}\n", re.ASCII)
# 0.20 0.18 0.12 1/80 11206
_LOAD = re.compile(r"(\d{1,7}\.\d{2}) \d{1,7}\.\d{2} \d{1,7}\.\d{2} \d+/\d+ \d+\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Dom0Clock:
    """The counters of dom0 at one moment: the difference of two is a `HostLoad`."""

    at_s: float
    all_ticks: int
    stolen_ticks: int
    load: float
    pressed_s: float | None
    processors: int

    def since(self, before: "Dom0Clock") -> HostLoad:
        """The load from `before` until now."""
        seconds = self.at_s - before.at_s
        pressure = None
        if self.pressed_s is not None and before.pressed_s is not None and seconds > 0:
            pressure = _share(self.pressed_s - before.pressed_s, seconds)
        return HostLoad(
            max(seconds, 0.0), pressure=pressure, load=self.load,
            steal=self._steal_since(before),
        )  # fmt: skip

    def _steal_since(self, before: "Dom0Clock") -> float | None:
        """The share of the time that was stolen; None where the counters cannot be right.

        Some kernels count what was stolen backwards, or add the age of the host to it; after a restart all is lower.
        """
        ticks, stolen = self.all_ticks - before.all_ticks, self.stolen_ticks - before.stolen_ticks
        most = USER_HZ * self.processors * (1.5 * (self.at_s - before.at_s) + 1)
        if not 0 <= stolen <= ticks <= most:
            return None
        return _share(stolen, ticks)


def read_dom0_clock(dom0: Connection) -> Dom0Clock:
    """The counters now; raises SourceError where dom0 does not answer, ParseError where it prints something else."""
    return parse_dom0_clock(dom0.run(_READ, limit_s=_LIMIT_S, max_bytes=_MOST_BYTES).text)


def parse_dom0_clock(text: str) -> Dom0Clock:
    """The counters in /proc/uptime, loadavg, stat and, if the kernel has it, pressure/cpu, one after the other."""
    uptime = _UPTIME.match(text)
    load = _LOAD.match(text, uptime.end()) if uptime else None
    cpu = _CPU.search(text, load.end()) if load else None
    if uptime is None or load is None or cpu is None:
        raise ParseError(f"expected /proc/uptime, /proc/loadavg and /proc/stat, found {text[:200]!r}")
    ticks = [int(number) for number in cpu[1].split()]
    rest = text[cpu.end() :]
    processors = sum(1 for _ in _EACH_CPU.finditer(rest))
    return Dom0Clock(float(uptime[1]), sum(ticks), ticks[7], float(load[1]), some_pressure_s(rest), processors)


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0
