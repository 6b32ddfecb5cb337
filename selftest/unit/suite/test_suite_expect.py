"""What a comparison keeps for the report."""

from execnet.gateway_base import dumps

from xenproof.codec import to_plain
from xenproof.profile.expectation import Expectation, Level, Status
from xenproof.results.verdict import Outcome, Verdict, examined
from xenproof.suite.expect import Expect
from xenproof.xen.backend import DiskBackend


def test_what_was_found_can_be_sent_to_the_controller_of_xdist() -> None:
    promised = Expectation(
        ("guest", "qdisk", "served_by"), DiskBackend.QDISK, (), "a test", Status.VERIFIED, Level.MUST, "p", "p.yaml:1"
    )
    expect = Expect("a disk on qdisk is served by qdisk")
    expect(promised, DiskBackend.QDISK, by="ps")
    (finding,) = expect.findings
    assert (finding.expected, finding.found) == ("qdisk", "qdisk")
    # execnet refuses what only derives from a string: the worker would end, and the run with it.
    dumps(to_plain(Verdict("a", examined("local://"), "guest", "t", Outcome.PASS, findings=(finding,))))
