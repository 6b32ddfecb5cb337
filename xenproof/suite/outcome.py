"""What the end of a check means for its verdict: one place for the suite and for whoever judges checks."""

from collections.abc import Callable

import pytest

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.plain import shortened
from xenproof.report.verdict import Outcome
from xenproof.suite.expect import Mismatch

# Characters of a text that a check of a user's own may take from a host as it likes; errors of ours are cut already.
MOST_REASON, MOST_DETAILS = 4000, 8000
COMPARED_NOTHING = "the check compared nothing, so it proves nothing"


def of_error(error: BaseException, when: str, trace: Callable[[], str] = str) -> tuple[Outcome, str, str]:
    """Outcome, reason and details of a check that ended with `error` in the phase `when`: "setup", "call", "teardown".

    `trace` is asked for the details only where they are needed: it may cost much.
    """
    outcome, reason, details = _of_error(error, when, trace)
    rest = "too long for a report"
    return outcome, shortened(reason, MOST_REASON, rest), shortened(details, MOST_DETAILS, rest)


def _of_error(error: BaseException, when: str, trace: Callable[[], str]) -> tuple[Outcome, str, str]:
    if isinstance(error, NotEvaluable):
        return Outcome.NOT_EVALUABLE, str(error), ""
    if isinstance(error, pytest.skip.Exception):
        return Outcome.NOT_APPLICABLE, str(error), ""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    if isinstance(error, Mismatch):
        return Outcome.FAIL, first, ""
    if isinstance(error, AssertionError) and when == "call":
        return Outcome.FAIL, first, trace()
    if isinstance(error, XenproofError):
        return Outcome.ERROR, str(error), ""
    return Outcome.ERROR, f"{type(error).__name__}: {first}", trace()
