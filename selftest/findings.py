"""Findings for tests of what is written from them."""

from xenproof.profile.expectation import Level, Status
from xenproof.results.verdict import Finding


def a_finding(
    expected: str,
    found: str,
    by: str = "xl info",
    source: str = "",
    status: Status = Status.DOCUMENTED,
    where: str = "",
    hint: str = "",
) -> Finding:
    """A finding about the version of a package."""
    return Finding(expected, found, by, "packages.xen.version", Level.MUST, status, source, where, hint)
