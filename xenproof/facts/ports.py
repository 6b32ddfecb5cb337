"""TCP ports on which a process listens."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.texts import parse_texts
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.source.connection import Connection
from xenproof.source.probe import ProbeOutput

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTEN = "0A"
#    0: 00000000:0016 00000000:0000 0A 00000000:00000000 ...
_ROW = re.compile(r" *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) .*")
# 127.0.0.0/8, also mapped into IPv6, and ::1, in words with the lowest byte first.
_LOOPBACK = re.compile(r"(?:0{16}FFFF0000)?[0-9A-F]{6}7F|0{24}01000000")


@dataclass(frozen=True, slots=True)
class Listening:
    """Whether a process listens on a port: to other hosts, or at all."""

    to_others: bool
    at_all: bool
    seen: str

    def __str__(self) -> str:
        return f"{'yes' if self.to_others else 'only to the host itself' if self.at_all else 'no'}: {self.seen}"


def is_open(want: bool, have: Listening) -> bool:
    """Whether a port that must be open is reachable from other hosts, or another port is closed even locally."""
    return have.to_others if want else not have.at_all


@dataclass(frozen=True, slots=True)
class Ports:
    """The listening ports, and those of them that other hosts can reach."""

    listening_on: frozenset[int]
    to_others: frozenset[int]

    def listening(self, port: str) -> Listening:
        """Whether a process listens on the TCP port, and for which hosts."""
        found = ", ".join(map(str, sorted(self.listening_on))) or "none"
        number = int(port)
        return Listening(number in self.to_others, number in self.listening_on, f"the listening ports are {found}")


def parse_ports(output: ProbeOutput) -> Ports:
    """The listening ports of IPv4 and IPv6; raises ParseError if a table has no header or a line is not a socket."""
    texts = parse_texts(output)
    # IPv6 can be switched off; IPv4 cannot.
    known = [path for path in _TABLES if path not in texts.missing or path == _TABLES[0]]
    return ports_of({path: texts.of(path) or ("",) for path in known})


def read_ports(dom0: Connection) -> Ports:
    """The ports on which a process listens now; raises what `parse_ports` raises."""
    read = {path: dom0.run(f"cat {path}").text.splitlines() for path in _TABLES}
    return ports_of({path: lines for path, lines in read.items() if lines or path == _TABLES[0]})


def ports_of(tables: Mapping[str, Sequence[str]]) -> Ports:
    """The listening ports in the lines of the kernel's tables, by their paths; raises what `parse_ports` raises."""
    found: set[int] = set()
    to_others: set[int] = set()
    sockets = 0
    for table, lines in tables.items():
        header, *rows = lines or ("",)
        if header.split()[:2] != ["sl", "local_address"]:
            raise ParseError(f"expected the header of {table}, found {header[:80]!r}")
        sockets += len(rows)
        for line in rows:
            if (row := _ROW.fullmatch(line)) is None:
                raise ParseError(f"expected a socket in {table}, found {line[:200]!r}")
            if row[3] == _LISTEN:
                found.add(int(row[2], 16))
                if not _LOOPBACK.fullmatch(row[1]):
                    to_others.add(int(row[2], 16))
    if not sockets:
        raise ParseError("no table has a socket, not even that of the connection to the host")
    return Ports(frozenset(found), frozenset(to_others))


PORTS = Family("ports", host_probe, parse_ports)
