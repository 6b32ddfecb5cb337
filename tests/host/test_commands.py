"""What is on the PATH of a command that ssh runs."""

from xenproof.facts.commands import Commands
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S09", "S10", "S11")
@each("commands.*.on_path")
def test_command_is_on_the_path(commands: Commands, expected: Expectation, expect: Expect) -> None:
    """The command {name} is on the PATH of a command that ssh runs: {value}."""
    expect(
        expected,
        commands.on_path(expected.name),
        by="command -v",
        matches=says,
        hint="install the package that brings it, or remove what was left over",
    )
