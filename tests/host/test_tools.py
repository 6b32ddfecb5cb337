"""The programs for installing guests, and others that say their version."""

from xenproof.facts.tools import Tools
from xenproof.probing.answer import says, within
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S22")
@each("tools.*.runs")
def test_tool_runs(tools: Tools, expected: Expectation, expect: Expect) -> None:
    """{name} runs and says its version: {value}."""
    expect(
        expected,
        tools.runs(expected.name),
        by="NAME --version",
        matches=says,
        hint="install the package that brings it, with all that it needs",
    )


@req("S06", "S22")
@each("tools.*.version")
def test_tool_has_the_version_of_its_release(tools: Tools, expected: Expectation, expect: Expect) -> None:
    """The version that {name} says is {value}."""
    expect(
        expected,
        tools.version(expected.name),
        by="NAME --version",
        matches=within,
        hint="upgrade its package, or choose the profile of the host's release",
    )
