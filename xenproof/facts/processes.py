"""Running processes, by the kernel's name for them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# The kernel truncates longer names.
LONGEST_NAME = 15
# 367 xenconsoled
_ROW = re.compile(r"([1-9][0-9]{0,6}) (.{0,4096})")


@dataclass(frozen=True, slots=True)
class Processes:
    """The name of every process by its number, and the files of some processes that the probe examines further."""

    names: Mapping[int, str]
    files: Mapping[int, str]

    def running(self, name: str) -> Answer:
        """Whether a process of that name runs."""
        found = [pid for pid, comm in self.names.items() if comm == name[:LONGEST_NAME]]
        if found:
            return Answer(True, f"process {', '.join(map(str, found[:5]))}")
        return Answer(False, f"none of {len(self.names)} processes")


def parse_processes(output: ProbeOutput) -> Processes:
    """The processes of a host.

    Raises ParseError if a line is not a process, or process 1 or the reading process is not among them.
    """
    found: dict[int, str] = {}
    files: dict[int, str] = {}
    *rows, last = section(output, "processes").ended_with(0).lines or [""]
    for line in rows:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected the number and the name of a process, found {line[:200]!r}")
        (files if int(row[1]) in found else found)[int(row[1])] = row[2]
    # self 1234
    own = last.removeprefix("self ")
    if not found.get(1) or not re.fullmatch(r"[1-9][0-9]{0,6}", own) or int(own) not in found:
        raise ParseError(f"process 1 or the reading one ({last[:80]!r}) is not listed, so the list is not whole")
    return Processes(found, files)


PROCESSES = Family("processes", host_probe, parse_processes)
