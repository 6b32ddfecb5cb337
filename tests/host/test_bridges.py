"""The bridges that guests join."""

from xenproof.facts.bridges import Bridges
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S11")
@each("bridges.*.exists")
def test_bridge_exists(bridges: Bridges, expected: Expectation, expect: Expect) -> None:
    """The bridge {name} exists: {value}."""
    expect(
        expected,
        bridges.exists(expected.name),
        by="/sys/class/net",
        matches=says,
        hint="configure the bridge, then bring it up",
    )


@req("S11")
@each("bridges.*.up")
def test_bridge_is_up(bridges: Bridges, expected: Expectation, expect: Expect) -> None:
    """The bridge {name} is up: {value}."""
    expect(
        expected, bridges.up(expected.name), by="/sys/class/net, flags", matches=says, hint="use ip link set NAME up"
    )


@req("S11")
@each("bridges.*.has_port")
def test_bridge_reaches_a_network(bridges: Bridges, expected: Expectation, expect: Expect) -> None:
    """The bridge {name} has a port that is no guest: {value}."""
    expect(
        expected,
        bridges.has_port(expected.name),
        by="/sys/class/net, brif",
        matches=says,
        hint="add the host's network interface to the bridge",
    )
