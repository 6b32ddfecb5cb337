"""Running processes, by the name that the kernel knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.answer import Answer
from xenproof.facts.family import Family
from xenproof.facts.probes import host_probe
from xenproof.facts.sections import section
from xenproof.source.probe import ProbeOutput

# Longer names are cut by the kernel.
LONGEST_NAME = 15
# 367 xenconsoled
_ROW = re.compile(r"([1-9][0-9]{0,6}) (.{0,64})")


@dataclass(frozen=True, slots=True)
class Processes:
    """Every process's name by its number."""

    names: Mapping[int, str]

    def running(self, name: str) -> Answer:
        """Whether a process of that name runs."""
        found = [pid for pid, comm in self.names.items() if comm == name[:LONGEST_NAME]]
        if found:
            return Answer(True, f"process {', '.join(map(str, found[:5]))}")
        return Answer(False, f"none of {len(self.names)} processes")


def parse_processes(output: ProbeOutput) -> Processes:
    """The processes of a host; raises ParseError if a line is none or process 1 is not among them."""
    found: dict[int, str] = {}
    for line in section(output, "processes").lines:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected the number and the name of a process, found {line[:200]!r}")
        found[int(row[1])] = row[2]
    if not found.get(1):
        raise ParseError("process 1 is not listed, so the list is not whole")
    return Processes(found)


PROCESSES = Family("processes", host_probe, parse_processes)
