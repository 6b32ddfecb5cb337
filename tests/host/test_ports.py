"""The TCP ports of dom0."""

from xenproof.facts.answer import says
from xenproof.facts.ports import Ports
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S09", "S11")
@each("ports.*.listening")
def test_port_is_listening(ports: Ports, expected: Expectation, expect: Expect) -> None:
    """A process listens on TCP port {name}: {value}."""
    expect(
        expected,
        ports.listening(expected.name),
        by="/proc/net/tcp and tcp6",
        matches=says,
        hint="see which process it is with ss -ltnp",
    )
