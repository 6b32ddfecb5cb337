"""Attaches the verdict of a test so far to pytest's report of a phase, also from a worker to the controller."""

from collections.abc import Generator
from typing import Any

import pytest

from xenproof.codec import from_plain, to_plain
from xenproof.results.verdict import Verdict

_NAME = "xenproof_verdict"


def attach_verdict(report: pytest.TestReport, verdict: Verdict) -> None:
    """Attach `verdict` to `report`."""
    setattr(report, _NAME, verdict)


def detach_verdict(report: pytest.TestReport) -> Verdict | None:
    """Remove the verdict from `report`, which pytest may keep for long, and return it; None if there is none."""
    verdict: Verdict | None = report.__dict__.pop(_NAME, None)
    return verdict


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: object) -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Add the verdict as plain values, which xdist can send."""
    data = yield
    if data is not None and isinstance(verdict := getattr(report, _NAME, None), Verdict):
        data[_NAME] = to_plain(verdict)
    return data


@pytest.hookimpl(wrapper=True)
def pytest_report_from_serializable(data: dict[str, Any]) -> Generator[None, object, object]:
    """Attach the verdict from its plain values again."""
    plain = data.pop(_NAME, None)
    report = yield
    if plain is not None and isinstance(report, pytest.TestReport):
        attach_verdict(report, from_plain(Verdict, plain))
    return report
