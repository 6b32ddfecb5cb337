"""Network bridges."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

CONTROL = "lo"
_UP = 0x1  # IFF_UP
# xenbr0 bridge 0x1003 eth0 vif1.0
_ROW = re.compile(r"([^/\s]{1,15}) (plain|bridge) 0x([0-9a-f]{1,8})((?: [^/\s]{1,15})*)")
# vif3.0 and vif3.0-emu belong to a guest
_GUEST_PORT = re.compile(r"(?:vif|tap)\d+\.\d+.*")


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge: whether it is up, and its ports."""

    up: bool
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bridges:
    """The bridges among the network interfaces."""

    interfaces: tuple[str, ...]
    rows: Mapping[str, Bridge]

    def exists(self, name: str) -> Answer:
        """Whether there is a bridge of that name."""
        return Answer(name in self.rows, f"the interfaces are {', '.join(self.interfaces)}")

    def up(self, name: str) -> Answer:
        """Whether the bridge is up; raises NotEvaluable if it does not exist."""
        return Answer(self._bridge(name).up, "up" if self._bridge(name).up else "down")

    def has_port(self, name: str) -> Answer:
        """Whether an interface other than a guest's is in the bridge; raises NotEvaluable if there is no bridge."""
        own = [port for port in self._bridge(name).ports if not _GUEST_PORT.fullmatch(port)]
        return Answer(bool(own), f"ports {', '.join(own)}" if own else "no port but guests'")

    def _bridge(self, name: str) -> Bridge:
        if name not in self.rows:
            raise NotEvaluable(f"there is no bridge {name!r}, only the interfaces {', '.join(self.interfaces)}")
        return self.rows[name]


def parse_bridges(output: ProbeOutput) -> Bridges:
    """The bridges of a host; raises ParseError if a line is not an interface or `lo` is not among them."""
    interfaces: list[str] = []
    rows: dict[str, Bridge] = {}
    for line in section(output, "bridges").ended_with(0).lines:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected an interface, its kind and its flags, found {line[:200]!r}")
        interfaces.append(row[1])
        if row[2] == "bridge":
            rows[row[1]] = Bridge(bool(int(row[3], 16) & _UP), tuple(row[4].split()))
    if CONTROL not in interfaces:
        raise ParseError(f"the interface {CONTROL!r} is not listed, so the list is not whole")
    return Bridges(tuple(interfaces), rows)


BRIDGES = Family("bridges", host_probe, parse_bridges)
