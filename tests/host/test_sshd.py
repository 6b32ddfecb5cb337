"""How the ssh server is configured, through which xl migrates."""

from xenproof.facts.sshd import Sshd
from xenproof.probing.answer import one_of
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S11")
@each("sshd.*.is")
def test_option_is(sshd: Sshd, expected: Expectation, expect: Expect) -> None:
    """The ssh server's option {name} is {value}."""
    expect(
        expected,
        sshd.value(expected.name),
        by="sshd -T",
        hint="set it in /etc/ssh/sshd_config, then reload the service",
    )


@req("S11")
@each("sshd.*.one_of")
def test_option_is_one_of(sshd: Sshd, expected: Expectation, expect: Expect) -> None:
    """The ssh server's option {name} is one of {value}."""
    expect(
        expected,
        sshd.value(expected.name),
        by="sshd -T",
        matches=one_of,
        hint="set it in /etc/ssh/sshd_config, then reload the service",
    )
