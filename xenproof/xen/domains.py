"""The domains of a host, from `xl list`, and its free memory, from `xl info`."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.run.waiting import wait_until
from xenproof.source.connection import Connection

# Such as: Domain-0                                     0  1024     2     r-----      90.3
# The state is: running, blocked, paused, shut down, why (reboot, suspend, crash, watchdog, soft reset), dying.
_ROW = re.compile(
    r"(\S+(?:\s+\S+)*?)\s+(\d{1,9})\s+(\d{1,12})\s+(\d{1,6})\s+([r-][b-][p-][s-][rscwS?-][d-])\s+(\d{1,15}\.\d)\s*\Z"
)
_HEADER = ["Name", "ID", "Mem", "VCPUs", "State", "Time(s)"]
# Such as: free_memory            : 2014
_FREE = re.compile(r"^free_memory *: *([0-9]{1,12}) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DomainRow:
    """One line of `xl list`; `state` is its six letters, such as "-b----"."""

    name: str
    domid: int
    mem_mib: int
    vcpus: int
    state: str


def parse_xl_list(text: str) -> list[DomainRow]:
    """Rows of `xl list`, dom0 first; raises ParseError for another shape or where Domain-0 is missing."""
    header, *lines = text.rstrip("\n").split("\n")
    if header.split() != _HEADER:
        raise ParseError(f"xl list begins with {header[:200]!r}, expected {' '.join(_HEADER)!r}")
    rows = [_row(line) for line in lines]
    if not rows or rows[0].domid != 0:
        raise ParseError("xl list does not begin with dom0, so it proves nothing")
    return rows


def list_domains(dom0: Connection) -> list[DomainRow]:
    """The domains of the host now."""
    return parse_xl_list(dom0.run("xl list").check().text)


def await_gone(dom0: Connection, name: str, limit_s: float, meanwhile: Callable[[], object] = lambda: None) -> bool:
    """Whether no domain is called `name`, now or within `limit_s`; `meanwhile` is called before each pause."""

    def is_there() -> bool:
        return any(row.name == name for row in list_domains(dom0))

    return not wait_until(is_there, lambda there: not there, limit_s, meanwhile)


def free_memory_mib(dom0: Connection) -> int:
    """The memory that Xen has left for new guests, in MiB; raises ParseError where xl info does not print it."""
    return parse_free_memory(dom0.run("xl info").check().text)


def parse_free_memory(text: str) -> int:
    """The free memory in the output of `xl info`, in MiB; raises ParseError where it is missing."""
    if (match := _FREE.search(text)) is None:
        raise ParseError(f"xl info has no line free_memory : NUMBER; it printed {text[:300]!r}")
    return int(match[1])


def _row(line: str) -> DomainRow:
    if (match := _ROW.match(line)) is None:
        raise ParseError(f"xl list has the line {line[:200]!r}, expected name, ID, memory, vcpus, state and time")
    return DomainRow(match[1], int(match[2]), int(match[3]), int(match[4]), match[5])
