"""Verdicts from pytest's reports: one for each check, over all its phases and all workers."""

from dataclasses import replace
from sys import intern
from typing import Any, TypeVar

import pytest

from xenproof.results.verdict import Outcome, Verdict
from xenproof.suite.report_verdict import detach_verdict

T = TypeVar("T")


class Collector:
    """Receives the reports of all tests of a run, and stores the verdicts attached to them.

    Values that many verdicts share are stored once: a run over a hundred hosts has tens of thousands of verdicts.
    """

    def __init__(self) -> None:
        self._kept: dict[Any, Any] = {}
        self._open: dict[tuple[str, str], Verdict] = {}
        self._done: dict[tuple[str, str], Verdict] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Add one phase of one test, and remove the verdict so far from pytest's report."""
        # Files of a user's own checks can have the same nodeid, if they are outside of the repository.
        test = (report.nodeid, report.location[0])
        if (verdict := detach_verdict(report)) is not None:
            self._open[test] = verdict
        elif report.failed:
            known = self._open.get(test) or Verdict(report.nodeid, (), "suite", report.nodeid, Outcome.ERROR)
            reason = "the process that ran this check died"
            self._open[test] = replace(known, outcome=Outcome.ERROR, reason=reason, details=report.longreprtext)
        if report.when == "teardown" and test in self._open:
            self._done[test] = self._shared(self._open.pop(test))

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict for each test, in the order in which the tests ended; unfinished tests come last."""
        return (*self._done.values(), *self._open.values())

    def _shared(self, verdict: Verdict) -> Verdict:
        return replace(
            verdict,
            id=intern(verdict.id),
            family=intern(verdict.family),
            title=intern(verdict.title),
            req=self._once(verdict.req),
            hosts=self._once(verdict.hosts),
            findings=self._once(verdict.findings),
        )

    def _once(self, value: T) -> T:
        kept: T = self._kept.setdefault(value, value)
        return kept
