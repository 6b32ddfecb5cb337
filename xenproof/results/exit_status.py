"""The exit status of a run: its meaning, and how it follows from the verdicts."""

from collections.abc import Collection, Iterable
from enum import IntEnum

from xenproof.profile.expectation import Level
from xenproof.results.verdict import Outcome, Role, Verdict


class ExitStatus(IntEnum):
    """The exit status of a run; 2 to 5 have the meaning that pytest gives them."""

    CONFORMS = 0
    DIFFERS = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    WRONG_CALL = 4
    NO_CHECK = 5
    NOT_EVALUATED = 6


CUT_SHORT = {
    ExitStatus.INTERRUPTED: "The run was interrupted: not every check ran.",
    ExitStatus.INTERNAL_ERROR: "xenproof or pytest had an internal error: not every check ran.",
}
"""The statuses with which some checks did not run, each with the sentence that a report shows."""


def judged(verdicts: Collection[Verdict], urls: Iterable[str]) -> ExitStatus:
    """The status that follows from the verdicts about the hosts at `urls`: a host without a pass does not conform."""
    if any(verdict.outcome is Outcome.FAIL and verdict.level is Level.MUST for verdict in verdicts):
        return ExitStatus.DIFFERS
    good = (verdict for verdict in verdicts if verdict.outcome is Outcome.PASS)
    passed = {about.url for verdict in good for about in verdict.hosts if about.role is not Role.PEER}
    unclear = any(verdict.outcome is Outcome.ERROR for verdict in verdicts)
    return ExitStatus.CONFORMS if not unclear and passed >= set(urls) else ExitStatus.NOT_EVALUATED


def of_run(verdicts: Collection[Verdict], urls: Iterable[str], ended: int) -> ExitStatus:
    """The status of a run that pytest ended with `ended`: that of its verdicts if every check ran."""
    cut_short = next((status for status in CUT_SHORT if status == ended), None)
    return judged(verdicts, urls) if cut_short is None else cut_short
