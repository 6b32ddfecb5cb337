"""What the end of a check means for its verdict: one place for the suite and for whoever judges checks."""

from collections.abc import Callable

import pytest

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.report.verdict import Outcome
from xenproof.suite.expect import Mismatch

COMPARED_NOTHING = "the check compared nothing, so it proves nothing"


def of_error(error: BaseException, when: str, trace: Callable[[], str] = str) -> tuple[Outcome, str, str]:
    """Outcome, reason and details of a check that ended with `error` in the phase `when`: "setup", "call", "teardown".

    `trace` is asked for the details only where they are needed: it may cost much.
    """
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
