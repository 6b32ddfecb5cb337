"""The TCP ports of dom0."""

from xenproof.facts.ports import Ports, is_open
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S09", "S11")
@each("ports.*.listening")
def test_port_is_listening(ports: Ports, expected: Expectation, expect: Expect) -> None:
    """TCP port {name} is open: {value}."""
    expect(
        expected,
        ports.listening(expected.name),
        by="/proc/net/tcp and tcp6",
        matches=is_open,
        hint="see with ss -ltnp which process it is and on which addresses it listens",
    )
