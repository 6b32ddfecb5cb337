"""Systemd units, and the state of systemd itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import services_probe
from xenproof.probing.sections import UNKNOWABLE, known, section
from xenproof.source.probe import ProbeOutput

# The unit of the root file system: every systemd has it, and it never stops.
CONTROL = "-.mount"

_PROPERTIES = frozenset({"Id", "LoadState", "ActiveState", "SubState", "UnitFileState"})
_ALIASES = "Names"  # a unit that is requested by an alias is printed with another Id
# /etc/rc3.d/S01xen
_RC_LINK = re.compile(r"/etc/rc[2-5]\.d/S\d\d(.+)")
# * xen.service    loaded failed failed LSB: Xen daemons
_ROW = re.compile(r"(?:[^\w\s-] +)? *(\S+\.[a-z]+) +([a-z-]+) +([a-z-]+) +([a-z-]+)(?: .*)?")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as `systemctl show` describes it; `enabled` is "disabled" for an init script with no start link."""

    name: str
    load_state: str
    state: str
    substate: str
    enabled: str

    @property
    def exists(self) -> bool:
        """Whether systemd found a file for the unit."""
        return self.load_state not in ("not-found", "error")


@dataclass(frozen=True, slots=True)
class Units:
    """The units that the profile names."""

    rows: Mapping[str, Unit]

    def exists(self, name: str) -> Answer:
        """Whether systemd has the unit; raises NotEvaluable if the source cannot determine it."""
        unit = self._unit(name)
        known(unit.load_state)
        return Answer(unit.exists, "loaded" if unit.exists else "no such unit")

    def state(self, name: str) -> str:
        """Whether the unit is active: "active", "inactive", "failed"; raises NotEvaluable if there is no such unit."""
        return known(self._existing(name).state)

    def enabled(self, name: str) -> str:
        """Whether the unit starts at boot, in systemd's words; raises NotEvaluable if there is no such unit."""
        return known(self._existing(name).enabled)

    def _existing(self, name: str) -> Unit:
        known((unit := self._unit(name)).load_state)
        if not unit.exists:
            raise NotEvaluable(f"there is no unit {name!r}, so it has no state")
        return unit

    def _unit(self, name: str) -> Unit:
        if name not in self.rows:
            raise ParseError(f"'systemctl show' says nothing of {name!r}, only of {', '.join(self.rows)}")
        return self.rows[name]


@dataclass(frozen=True, slots=True)
class SystemdState:
    """The state of systemd itself, and the units that failed."""

    state: str
    failed: tuple[str, ...]


def parse_units(output: ProbeOutput) -> Units:
    """The wanted units; raises ParseError if one lacks a property or none is active."""
    scripts = _started_scripts(section(output, "rc").ended_with(0).lines)
    text = section(output, "show").ended_with(0).text.strip("\n")
    rows: dict[str, Unit] = {}
    for block in re.split(r"\n{2,}", text):
        unit, aliases = _unit(block, scripts)
        rows |= {alias: replace(unit, name=alias) for alias in aliases if alias not in rows}
        rows[unit.name] = unit
    if not any(unit.state == "active" or unit.state.startswith(UNKNOWABLE) for unit in rows.values()):
        raise ParseError(f"none of the {len(rows)} units is active, so 'systemctl show' did not reach systemd")
    return Units(rows)


def _unit(block: str, scripts: frozenset[str]) -> tuple[Unit, list[str]]:
    """A unit and its other names."""
    properties: dict[str, str] = {}
    for line in block.split("\n"):
        name, equals, value = line.partition("=")
        if not equals or name not in {*_PROPERTIES, _ALIASES} or name in properties:
            raise ParseError(f"expected {', '.join(sorted(_PROPERTIES))} of a unit, found {line[:200]!r}")
        properties[name] = value
    aliases = properties.pop(_ALIASES, "").split()
    if properties.keys() != _PROPERTIES or not properties["Id"] or not properties["ActiveState"]:
        raise ParseError(f"expected {', '.join(sorted(_PROPERTIES))} of a unit, found only {block[:200]!r}")
    name, enabled = properties["Id"], properties["UnitFileState"]
    if enabled in ("", "bad", "generated"):
        # An init script: systemd generates a unit for it at boot, and the start links decide whether it starts.
        enabled = "generated" if name.removesuffix(".service") in scripts else "disabled"
    unit = Unit(name, properties["LoadState"], properties["ActiveState"], properties["SubState"], enabled)
    return unit, [alias for alias in aliases if alias != name]


def _started_scripts(lines: list[str]) -> frozenset[str]:
    if not lines or not all(line.startswith("/etc/rc") for line in lines):
        raise ParseError(f"expected the names of init script links, found {lines[:3]!r}")
    return frozenset(found[1] for line in lines if (found := _RC_LINK.fullmatch(line)))


def parse_systemd_state(output: ProbeOutput) -> SystemdState:
    """The state of systemd; raises ParseError if a line is not a unit or the root file system's unit is not active.

    The values are those of `systemctl is-system-running`, which systemd 210 does not have.
    """
    states: dict[str, str] = {}
    for line in section(output, "list-units").ended_with(0).lines:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected a unit, its load state and its state, found {line[:200]!r}")
        states[row[1]] = row[3]
    if states.get(CONTROL) != "active":
        raise ParseError(f"'systemctl list-units' does not list {CONTROL!r} as active, so the list is not whole")
    failed = tuple(name for name, state in states.items() if state == "failed")
    if any(states.get(name) == "active" for name in ("rescue.target", "emergency.target")):
        return SystemdState("maintenance", failed)
    if not any(states.get(name) == "active" for name in ("multi-user.target", "graphical.target")):
        return SystemdState("starting", failed)
    return SystemdState("degraded" if failed else "running", failed)


UNITS = Family("units", services_probe, parse_units)
SYSTEMD_STATE = Family("systemd", services_probe, parse_systemd_state)
