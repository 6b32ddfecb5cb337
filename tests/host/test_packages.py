"""Packages: what has to be installed, in which versions, and what has to be absent."""

from xenproof.facts.packages import Packages
from xenproof.probing.answer import says, within
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S06")
@each("packages.*.installed")
def test_package_is_installed(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The package {name} is installed: {value}."""
    expect(
        expected,
        packages.installed(expected.name),
        by="dpkg-query or rpm",
        matches=says,
        hint="install or remove the package",
    )


@req("S06")
@each("packages.*.version")
def test_package_has_the_version_of_its_release(packages: Packages, expected: Expectation, expect: Expect) -> None:
    """The installed version of the package {name} is {value}."""
    expect(
        expected,
        packages.version(expected.name),
        by="dpkg-query or rpm",
        matches=within,
        hint="upgrade the package, or choose the profile of the host's release",
    )
