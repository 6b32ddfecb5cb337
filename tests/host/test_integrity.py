"""The files of packages: unchanged since they were installed."""

from xenproof.facts.integrity import Integrity, none_but
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S06")
@each("integrity.*.changed")
def test_files_are_what_was_installed(integrity: Integrity, expected: Expectation, expect: Expect) -> None:
    """Files of the package {name} that differ from what was installed: {value}."""
    expect(
        expected,
        integrity.changes(expected.name),
        by="dpkg -V or rpm -V",
        matches=none_but,
        hint="install the package again, or find out who changed the files",
    )
