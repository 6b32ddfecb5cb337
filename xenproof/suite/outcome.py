"""The outcome of a check from how its phases ended: the same rules for the suite and for the project's own tests."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import pytest

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.plain import shortened
from xenproof.profile.expectation import Level
from xenproof.results.verdict import Outcome
from xenproof.suite.expect import Mismatch

# Limits in characters, for texts that a user's own check takes from a host; xenproof's errors are cut already.
MOST_REASON, MOST_DETAILS = 4000, 8000
COMPARED_NOTHING = "the check compared nothing, so it proves nothing"


@dataclass(frozen=True, slots=True)
class End:
    """How a phase of a check ended, or the whole check: `reason` is "" only for a pass, `details` are longer text."""

    outcome: Outcome
    reason: str = ""
    details: str = ""


def of_error(error: BaseException, when: str, trace: Callable[[], str] = str) -> End:
    """The end of a check by `error` in the phase `when`: "setup", "call", "teardown".

    `trace` returns the details; it is called only where they are needed, as it may be slow.
    """
    end = _of_error(error, when, trace)
    rest = "too long for a report"
    return End(end.outcome, shortened(end.reason, MOST_REASON, rest), shortened(end.details, MOST_DETAILS, rest))


def of_phases(ran: Collection[str], ends: Mapping[str, End]) -> End:
    """The end of a check whose phases `ran`: the first of `ends`, with the error of teardown added to its details."""
    late = ends.get("teardown")
    if (first := ends.get("setup") or ends.get("call")) is not None:
        if late is None:
            return first
        return End(first.outcome, first.reason, f"{first.details}\n\nand at its end: {late.reason}\n{late.details}")
    if late is not None:
        return End(late.outcome, f"at its end: {late.reason}", late.details)
    return End(Outcome.PASS) if "call" in ran else End(Outcome.ERROR, "the check did not run")


def _of_error(error: BaseException, when: str, trace: Callable[[], str]) -> End:
    if isinstance(error, NotEvaluable):
        return End(Outcome.NOT_EVALUABLE, str(error))
    if isinstance(error, pytest.skip.Exception):
        return End(Outcome.NOT_APPLICABLE, str(error))
    first = (str(error).splitlines() or [type(error).__name__])[0]
    if isinstance(error, Mismatch):
        return End(Outcome.NEW if error.finding.level is Level.NEW else Outcome.FAIL, first)
    if isinstance(error, AssertionError) and when == "call":
        return End(Outcome.FAIL, first, trace())
    if isinstance(error, XenproofError):
        return End(Outcome.ERROR, str(error))
    return End(Outcome.ERROR, f"{type(error).__name__}: {first}", trace())
