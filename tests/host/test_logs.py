"""The logs: that they can be read, say something, and do not grow for ever."""

from xenproof.facts.logs import Logs, mentions
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S05", "S17", "S18")
@each("logs.*.readable")
def test_log_is_readable(logs: Logs, expected: Expectation, expect: Expect) -> None:
    """The log {name} can be read: {value}."""
    expect(
        expected, logs.readable(expected.name), by="the log itself", matches=says, hint="see that what writes it runs"
    )


@req("S17")
@each("logs.*.rotated")
def test_log_is_rotated(logs: Logs, expected: Expectation, expect: Expect) -> None:
    """logrotate has a rule for {name}: {value}."""
    expect(
        expected,
        logs.rotated(expected.name),
        by="/etc/logrotate.conf and logrotate.d",
        matches=says,
        hint="add a rule in /etc/logrotate.d",
    )


@req("S05", "S17", "S18")
@each("logs.*.mentions")
def test_log_mentions(logs: Logs, expected: Expectation, expect: Expect) -> None:
    """The log {name} mentions {value}."""
    expect(
        expected, logs.text(expected.name), by="the log itself", matches=mentions, hint="see that what writes it runs"
    )
