"""The running processes of dom0."""

from xenproof.facts.processes import Processes
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S07", "S09")
@each("processes.*.running")
def test_process_is_running(processes: Processes, expected: Expectation, expect: Expect) -> None:
    """A process {name} is running: {value}."""
    expect(
        expected,
        processes.running(expected.name),
        by="/proc/*/comm",
        matches=says,
        hint="see the journal of the unit that starts it",
    )
