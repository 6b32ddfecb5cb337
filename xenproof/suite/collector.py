"""Verdicts from pytest's reports: one for each check, over all its phases and all workers."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from xenproof.report.verdict import Finding, GuestLine, Outcome, Step, Verdict

KEY = "xenproof"  # of the user property that carries a check's data from a worker to the controller


@dataclass(slots=True)
class _Case:
    phases: dict[str, pytest.TestReport] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


class Collector:
    """Keeps the reports of all tests that judge a host, and makes verdicts of them."""

    def __init__(self) -> None:
        self._cases: dict[str, _Case] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Take one phase of one test."""
        case = self._cases.setdefault(report.nodeid, _Case())
        case.phases[report.when or "call"] = report
        for key, value in report.user_properties:
            if key == KEY:
                case.data.update(json.loads(str(value)))
            elif key == "guest":
                case.data["guest"] = json.loads(str(value))

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict for each test, in the order in which they ran."""
        return tuple(_verdict(nodeid, case) for nodeid, case in self._cases.items())


def _verdict(nodeid: str, case: _Case) -> Verdict:
    data = case.data
    outcome, reason, details = _outcome(case)
    finding = data.get("finding")
    guest = data.get("guest")
    return Verdict(
        id=data.get("id", nodeid),
        host=data.get("host", ""),
        family=data.get("family", "suite"),
        title=data.get("title", nodeid),
        outcome=outcome,
        level=data.get("level", "must"),
        req=tuple(data.get("req", ())),
        finding=Finding(**finding) if finding else None,
        reason=reason,
        details=details,
        started_s=float(data.get("started_s", 0.0)),
        seconds=sum(report.duration for report in case.phases.values()),
        attachments=tuple(data.get("attachments", ())),
        guest=GuestLine(guest["name"], guest["title"], tuple(Step(**step) for step in guest["steps"]))
        if guest
        else None,
    )


def _outcome(case: _Case) -> tuple[Outcome, str, str]:
    """The outcome of the first phase that is not a pass; what teardown adds stands beside it."""
    said = case.data.get("said", {})
    late = said.get("teardown")
    for when in ("setup", "call"):
        report = case.phases.get(when)
        if report is None:
            continue
        if when in said:
            outcome, reason, details = said[when]
            if late:
                details = f"{details}\n\nand at its end: {late[1]}\n{late[2]}"
            return Outcome(outcome), reason, details
        if report.failed:
            # No word from the test itself: its worker died.
            return Outcome.ERROR, f"{when} ended without a word", report.longreprtext
    if late:
        return Outcome(late[0]), f"at its end: {late[1]}", late[2]
    if "call" not in case.phases:
        return Outcome.ERROR, "the check did not run", ""
    return Outcome.PASS, "", ""
