"""The physical CPUs of a host, by node and by pool, and the affinity of virtual processors, as xl prints them."""

import re
from collections.abc import Mapping

from xenproof.errors import ParseError

# Such as: xenproof-n5QuMbaI-1                  1     0    1   -b-      45.8  0-1 / all
# Xen 4.4 has no soft affinity: its line ends with the hard affinity.
_VCPU = re.compile(r"(\S+(?: +\S+)*?) +(\d{1,6}) +(\d{1,5}) +(\d{1,5}|-) +(\S+) +(\d{1,15}\.\d) +([^/]*?)(?: / .*)?\Z")
_VCPU_HEADER = ["Name", "ID", "VCPU", "CPU", "State", "Time(s)"]
_ANY = "all"
# Such as the row below of: cpu:    core    socket     node
#   1:       1        0        0
_CPU = re.compile(r" *(\d{1,5}): +(\d{1,5}) +(\d{1,5}) +(\d{1,5})\Z")
_TOPOLOGY = "cpu_topology"
_POOL_HEADER = ["Name", "CPU", "list"]
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z")
_MOST = 4096

Cpus = frozenset[int]


def parse_cpus(text: str) -> Cpus:
    """The CPUs of a list such as "0-1,3"; raises ParseError for another shape."""
    cpus: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        if (match := _RANGE.match(part)) is None:
            raise ParseError(f"expected a list of CPUs such as 0-1,3, found {text[:200]!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < _MOST:
            raise ParseError(f"expected CPUs below {_MOST} in rising order, found {text[:200]!r}")
        cpus.update(range(first, last + 1))
    return frozenset(cpus)


def parse_affinity(text: str, every: Cpus) -> list[Cpus]:
    """The CPUs on which each row of `xl vcpu-list` may run ("all" is `every`); raises ParseError for another shape."""
    header, *lines = text.rstrip("\n").split("\n")
    if header.split()[: len(_VCPU_HEADER)] != _VCPU_HEADER:
        raise ParseError(f"xl vcpu-list begins with {header[:200]!r}, expected {' '.join(_VCPU_HEADER)!r}")
    found: list[Cpus] = []
    for line in lines:
        if (match := _VCPU.match(line.rstrip())) is None:
            raise ParseError(f"xl vcpu-list has the line {line[:200]!r}, expected one that ends with an affinity")
        found.append(every if match[7] == _ANY else parse_cpus(match[7]))
    return found


def parse_nodes(text: str) -> Mapping[int, Cpus]:
    """The CPUs of each NUMA node, from `xl info -n`; raises ParseError where it shows none."""
    nodes: dict[int, set[int]] = {}
    lines = iter(text.split("\n"))
    if not any(line.startswith(_TOPOLOGY) for line in lines):
        raise ParseError(f"xl info -n has no {_TOPOLOGY}")
    next(lines, None)  # the column titles
    for line in lines:
        if (match := _CPU.match(line.rstrip())) is None:
            break
        nodes.setdefault(int(match[4]), set()).add(int(match[1]))
    if not nodes:
        raise ParseError(f"xl info -n has no CPU below {_TOPOLOGY}")
    return {node: frozenset(cpus) for node, cpus in nodes.items()}


def parse_pools(text: str) -> Mapping[str, Cpus]:
    """The CPUs of each CPU pool, from `xl cpupool-list -c`; raises ParseError for another shape."""
    header, *lines = text.rstrip("\n").split("\n")
    if header.split() != _POOL_HEADER:
        raise ParseError(f"xl cpupool-list -c begins with {header[:200]!r}, expected {' '.join(_POOL_HEADER)!r}")
    rows = [line.split() for line in lines]
    if not rows or any(len(row) not in (1, 2) for row in rows):
        raise ParseError(f"xl cpupool-list -c printed {text[:300]!r}, expected a name and a list of CPUs in each line")
    return {row[0]: parse_cpus(row[1] if len(row) == 2 else "") for row in rows}
