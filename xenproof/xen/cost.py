"""What guests cost a host: the memory and processor time that dom0 uses, and the memory that Xen has left."""

import re
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.source.connection import Connection
from xenproof.xen.domains import parse_free_memory

# /proc/meminfo, in KiB; /proc/stat, in hundredths of a second: user, nice, system, idle, iowait, irq, softirq, ...
_MEMORY = re.compile(r"^(MemTotal|MemAvailable|MemFree|Buffers|Cached): +(\d{1,15}) kB$", re.MULTILINE)
_CPU = re.compile(r"^cpu +(\d{1,19}) (\d{1,19}) (\d{1,19}) (\d{1,19}) (\d{1,19}) (\d{1,19}) (\d{1,19})\b", re.MULTILINE)
USER_HZ = 100
"""How many times a second Linux counts the time of processors, on all x86."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The resources of a host at one moment.

    `dom0_mib` is the memory that dom0 uses itself, `dom0_s` the processor time that it has used since its boot,
    `free_mib` the memory that Xen has left for guests.
    """

    dom0_mib: int
    dom0_s: float
    free_mib: int


def read_cost(dom0: Connection) -> Cost:
    """The resources of the host now; raises ParseError where its output lacks one."""
    return parse_cost(dom0.run("cat /proc/meminfo /proc/stat; xl info").check().text)


def parse_cost(text: str) -> Cost:
    """The cost in the output of /proc/meminfo, /proc/stat and `xl info`; raises ParseError where one is missing."""
    memory = {name: int(kib) for name, kib in _MEMORY.findall(text)}
    cpu = _CPU.search(text)
    if not {"MemTotal", "MemFree", "Buffers", "Cached"} <= memory.keys() or cpu is None:
        raise ParseError(
            f"expected MemTotal, MemFree, Buffers, Cached and cpu, found {sorted(memory)} in {text[:200]!r}"
        )
    # Kernels before 3.14, such as that of SLES 12, have no MemAvailable.
    available = memory.get("MemAvailable", memory["MemFree"] + memory["Buffers"] + memory["Cached"])
    busy = sum(int(cpu[field]) for field in (1, 2, 3, 6, 7))
    return Cost((memory["MemTotal"] - available) >> 10, busy / USER_HZ, parse_free_memory(text))
