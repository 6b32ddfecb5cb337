"""Verdicts from pytest's reports: one for each check, over all its phases and all workers."""

import json
from dataclasses import dataclass, field
from sys import intern
from typing import Any

import pytest

from xenproof.report.verdict import Cell, Finding, GuestLine, Outcome, Step, Verdict

KEY = "xenproof"  # of the user property that carries a check's data from a worker to the controller
PLACED = ("guest", "cell")  # user properties of a check that stand in the report at a place of their own


@dataclass(slots=True)
class _Case:
    """A test that has not come to its end: what its phases said so far."""

    failed: dict[str, str] = field(default_factory=dict)
    phases: list[str] = field(default_factory=list)
    seconds: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)


class Collector:
    """Takes the reports of all tests that judge a host, and makes verdicts of them.

    Of a test that has ended only its verdict is kept, and of a text that many verdicts share only
    one copy: a run over a hundred hosts has tens of thousands of verdicts.
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], _Case] = {}
        self._done: dict[tuple[str, str], Verdict] = {}

    def add(self, report: pytest.TestReport) -> None:
        """Take one phase of one test, and what it says of the check out of pytest's report."""
        # The files of a user's own checks may have one nodeid, if they lie outside of the repository.
        test = (report.nodeid, report.location[0])
        case = self._open.setdefault(test, _Case())
        when = report.when or "call"
        case.phases.append(when)
        case.seconds += report.duration
        if report.failed:
            case.failed[when] = report.longreprtext
        for key, value in report.user_properties:
            if key == KEY:
                case.data.update(value)  # type: ignore[call-overload]  # pytest's types call it an object
            elif key in PLACED:
                case.data[key] = json.loads(str(value))
        report.user_properties = [pair for pair in report.user_properties if pair[0] != KEY]
        if when == "teardown":
            self._done[test] = _verdict(report.nodeid, self._open.pop(test))

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict for each test, in the order in which they ended; last those that did not."""
        rest = (_verdict(nodeid, case) for (nodeid, _), case in self._open.items())
        return (*self._done.values(), *rest)


def _verdict(nodeid: str, case: _Case) -> Verdict:
    data = case.data
    outcome, reason, details = _outcome(case)
    finding = data.get("finding")
    guest = data.get("guest")
    return Verdict(
        id=intern(data.get("id", nodeid)),
        host=intern(data.get("host", "")),
        family=intern(data.get("family", "suite")),
        title=intern(data.get("title", nodeid)),
        outcome=outcome,
        level=intern(data.get("level", "must")),
        req=tuple(map(intern, data.get("req", ()))),
        finding=Finding(**{name: intern(str(text)) for name, text in finding.items()}) if finding else None,
        reason=reason,
        details=details,
        started_s=float(data.get("started_s", 0.0)),
        seconds=case.seconds,
        attachments=tuple(data.get("attachments", ())),
        guest=GuestLine(guest["name"], guest["title"], tuple(Step(**step) for step in guest["steps"]))
        if guest
        else None,
        cell=Cell(**data["cell"]) if "cell" in data else None,
    )


def _outcome(case: _Case) -> tuple[Outcome, str, str]:
    """The outcome of the first phase that is not a pass; what teardown adds stands beside it."""
    said = case.data.get("said", {})
    late = said.get("teardown")
    for when in ("setup", "call"):
        if when in case.phases and when in said:
            outcome, reason, details = said[when]
            if late:
                details = f"{details}\n\nand at its end: {late[1]}\n{late[2]}"
            return Outcome(outcome), reason, details
    for when, text in case.failed.items():
        if when not in said:
            # No word from the test itself: its worker died.
            return Outcome.ERROR, f"{when} ended without a word", text
    if late:
        return Outcome(late[0]), f"at its end: {late[1]}", late[2]
    if "call" not in case.phases:
        return Outcome.ERROR, "the check did not run", ""
    return Outcome.PASS, "", ""
