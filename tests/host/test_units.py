"""Systemd units: what runs, what starts at boot, and what has to be absent."""

from xenproof.facts.units import Units
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S05")
@each("units.*.exists")
def test_unit_exists(units: Units, expected: Expectation, expect: Expect) -> None:
    """The unit {name} exists: {value}."""
    expect(
        expected,
        units.exists(expected.name),
        by="systemctl show, LoadState",
        matches=says,
        hint="install or remove the package that brings the unit",
    )


@req("S05")
@each("units.*.active")
def test_unit_is_active(units: Units, expected: Expectation, expect: Expect) -> None:
    """The unit {name} is {value}."""
    expect(
        expected,
        units.state(expected.name),
        by="systemctl show, ActiveState",
        hint="see why with systemctl status, then start or stop it",
    )


@req("S05")
@each("units.*.enabled")
def test_unit_starts_at_boot(units: Units, expected: Expectation, expect: Expect) -> None:
    """Whether the unit {name} starts at boot: it is {value}."""
    expect(
        expected,
        units.enabled(expected.name),
        by="systemctl show, UnitFileState, and the start links in /etc/rc*.d",
        hint="use systemctl enable or disable",
    )
