"""TCP ports on which something listens."""

import re
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.answer import Answer
from xenproof.facts.family import Family
from xenproof.facts.probes import host_probe
from xenproof.facts.texts import parse_texts
from xenproof.source.probe import ProbeOutput

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTEN = "0A"
#    0: 00000000:0016 00000000:0000 0A 00000000:00000000 ...
_ROW = re.compile(r" *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) .*")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that are open to others or to the host itself."""

    listening_on: frozenset[int]

    def listening(self, port: str) -> Answer:
        """Whether a process listens on the TCP port."""
        found = ", ".join(map(str, sorted(self.listening_on))) or "none"
        return Answer(int(port) in self.listening_on, f"the listening ports are {found}")


def parse_ports(output: ProbeOutput) -> Ports:
    """The listening ports of IPv4 and IPv6; raises ParseError if a table has no header or a line is no socket."""
    texts = parse_texts(output)
    found: set[int] = set()
    sockets = 0
    # IPv6 can be switched off; IPv4 cannot.
    for table in (path for path in _TABLES if path not in texts.missing or path == _TABLES[0]):
        header, *rows = texts.of(table) or ("",)
        if header.split()[:2] != ["sl", "local_address"]:
            raise ParseError(f"expected the header of {table}, found {header[:80]!r}")
        sockets += len(rows)
        for line in rows:
            if (row := _ROW.fullmatch(line)) is None:
                raise ParseError(f"expected a socket in {table}, found {line[:200]!r}")
            if row[3] == _LISTEN:
                found.add(int(row[2], 16))
    if not sockets:
        raise ParseError("no table has a socket, not even that of the connection to the host")
    return Ports(frozenset(found))


PORTS = Family("ports", host_probe, parse_ports)
