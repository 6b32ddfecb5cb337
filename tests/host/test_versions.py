"""Versions: what runs is of the release, and is what is installed."""

from xenproof.facts.versions import Versions
from xenproof.probing.answer import confirmed, within
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S06")
@each("versions.*.running")
def test_running_version_is_that_of_the_release(versions: Versions, expected: Expectation, expect: Expect) -> None:
    """The running {name} is of version {value}."""
    expect(
        expected,
        versions.running(expected.name),
        by="what runs says so itself",
        matches=within,
        hint="restart what was updated, or choose the profile of the host's release",
    )


@req("S06")
@each("versions.*.agrees_with")
def test_running_version_is_the_installed_one(versions: Versions, expected: Expectation, expect: Expect) -> None:
    """The running {name} was built as the installed package {value}, so no update waits for a restart."""
    expect(
        expected,
        versions.agrees(expected.name, expected.text),
        by="what runs, against the package database",
        matches=confirmed,
        hint="restart it: the hypervisor and the kernel by a reboot",
    )
