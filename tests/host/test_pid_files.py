"""Files that name the process of a daemon."""

from xenproof.facts.pid_files import PidFiles
from xenproof.probing.answer import confirmed
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S07")
@each("pidfiles.*.process")
def test_pid_file_names_its_process(pid_files: PidFiles, expected: Expectation, expect: Expect) -> None:
    """{name} names a running process {value}."""
    expect(
        expected,
        pid_files.names(expected.name, expected.text),
        by="the file itself, and /proc/*/comm",
        matches=confirmed,
        hint="restart the service that starts it",
    )
