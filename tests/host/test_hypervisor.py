"""What the hypervisor reports about itself and of the machine."""

from xenproof.facts.xl import XlInfo
from xenproof.probing.answer import Version, includes, includes_none, within
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S06", "S07")
@each("hypervisor.*.is")
def test_field_is(hypervisor: XlInfo, expected: Expectation, expect: Expect) -> None:
    """The hypervisor's {name} is {value}."""
    expect(
        expected,
        hypervisor.value(expected.name),
        by="xl info",
        hint="boot the hypervisor of this release, and see its options",
    )


@req("S07")
@each("hypervisor.*.has")
def test_field_includes(hypervisor: XlInfo, expected: Expectation, expect: Expect) -> None:
    """The hypervisor's {name} includes {value}."""
    expect(
        expected,
        hypervisor.words(expected.name),
        by="xl info",
        matches=includes,
        hint="boot the hypervisor of this release, and see its options and the settings of the firmware",
    )


@req("S07", "S11")
@each("hypervisor.*.lacks")
def test_field_lacks(hypervisor: XlInfo, expected: Expectation, expect: Expect) -> None:
    """The hypervisor's {name} includes nothing of {value}."""
    expect(
        expected,
        hypervisor.words(expected.name),
        by="xl info",
        matches=includes_none,
        hint="boot the hypervisor that the last update installed, or name the profile of the release without updates",
    )


@req("S06", "S07")
@each("hypervisor.*.range")
def test_field_is_within(hypervisor: XlInfo, profile: Profile, expected: Expectation, expect: Expect) -> None:
    """The hypervisor's {name} is within {value}."""
    expect(
        expected,
        Version(hypervisor.value(expected.name), profile.scheme),
        by="xl info",
        matches=within,
        hint="boot the hypervisor of this release, and see its options",
    )
