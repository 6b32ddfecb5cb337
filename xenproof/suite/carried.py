"""How the verdict of a test so far travels with pytest's report of a phase, also from a worker to the controller."""

from collections.abc import Generator
from typing import Any

import pytest

from xenproof.results.codec import from_plain, to_plain
from xenproof.results.verdict import Verdict

_NAME = "xenproof_verdict"


def carry(report: pytest.TestReport, verdict: Verdict) -> None:
    """Have `report` carry `verdict`."""
    setattr(report, _NAME, verdict)


def taken(report: pytest.TestReport) -> Verdict | None:
    """Take the verdict out of `report`, which may be kept for long; None if it carries none."""
    verdict: Verdict | None = report.__dict__.pop(_NAME, None)
    return verdict


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: object) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Write the verdict as plain values, of which xdist can send a report."""
    data = yield
    if data is not None and isinstance(verdict := getattr(report, _NAME, None), Verdict):
        data[_NAME] = to_plain(verdict)
    return data


@pytest.hookimpl(wrapper=True)
def pytest_report_from_serializable(data: dict[str, Any]) -> Generator[None, object, object]:
    """Read it again."""
    plain = data.pop(_NAME, None)
    report = yield
    if plain is not None and isinstance(report, pytest.TestReport):
        carry(report, from_plain(Verdict, plain))
    return report
