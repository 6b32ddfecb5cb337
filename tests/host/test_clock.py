"""The host's clock."""

from xenproof.facts.clock import Clock
from xenproof.probing.answer import at_most
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S11")
@each("clock.skew.max_s")
def test_clock_is_right(clock: Clock, expected: Expectation, expect: Expect) -> None:
    """The host's clock is right to within {value} s."""
    expect(
        expected,
        clock.skew_s,
        by="date, against the clock of who reads it",
        matches=at_most,
        hint="set the clock, and see its time service: a guest that migrates takes its time along",
    )
