"""Systemd as a whole."""

from xenproof.facts.units import SystemdState
from xenproof.probing.answer import nothing_but, one_of
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S05")
@each("systemd.*.failed")
def test_no_other_unit_has_failed(systemd_state: SystemdState, expected: Expectation, expect: Expect) -> None:
    """No unit has failed but {value}."""
    expect(
        expected,
        systemd_state.failed,
        by="systemctl list-units",
        matches=nothing_but,
        hint="see why with systemctl status, mend it, then systemctl reset-failed",
    )


@req("S05")
@each("systemd.*.state")
def test_system_is_up(systemd_state: SystemdState, expected: Expectation, expect: Expect) -> None:
    """Systemd as a whole is in one of the states {value}."""
    expect(
        expected,
        systemd_state.state,
        by="systemctl list-units",
        matches=one_of,
        hint="see systemctl list-jobs for what it waits for",
    )
