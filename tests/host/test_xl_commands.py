"""The subcommands of xl."""

from xenproof.facts.xl import XlCommands
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S10")
@each("xl_commands.*.present")
def test_subcommand_is_there(xl_commands: XlCommands, expected: Expectation, expect: Expect) -> None:
    """xl has the subcommand {name}: {value}."""
    expect(
        expected, xl_commands.present(expected.name), by="xl help", matches=says, hint="look for another xl on the PATH"
    )
