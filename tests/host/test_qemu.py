"""The qemu that serves guests."""

from xenproof.facts.qemu import Qemu
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S07")
@each("qemu_options.*.present")
def test_qemu_has_the_option(qemu: Qemu, expected: Expectation, expect: Expect) -> None:
    """The device model was built with the option {name}: {value}."""
    expect(
        expected,
        qemu.has_option(expected.name),
        by="qemu -help",
        matches=says,
        hint="install the qemu of this release, or choose the profile of its maintenance update",
    )
