"""What a damage to a host made of the verdicts on it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from selftest.lab.suite import SuiteRun
from xenproof.results.verdict import Verdict

# What a terminal would obey, and what XML forbids; a report shows signs in their place.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Good:
    """The verdicts on the good host: outcome and test file by check."""

    rows: Mapping[str, tuple[str, str]]

    @staticmethod
    def of(run: SuiteRun) -> "Good":
        """What the run said."""
        return Good({_name(verdict): (verdict.outcome, _file(verdict)) for verdict in run.verdicts})

    def of_families(self, *families: str) -> set[str]:
        """The checks in files such as tests/host/test_FAMILY.py."""
        assert set(families) <= {file for _, file in self.rows.values()}, families
        return {check for check, (_, file) in self.rows.items() if file in families}


class Difference:
    """A run against a damaged host, held against the good one.  Its reports are whole, whatever the host printed."""

    def __init__(self, good: Good, run: SuiteRun) -> None:
        self.run = run
        self.verdicts = {_name(verdict): verdict for verdict in run.verdicts}
        assert self.verdicts.keys() == good.rows.keys(), run.output[-3000:]
        self.changed = {
            check: str(verdict.outcome)
            for check, verdict in self.verdicts.items()
            if verdict.outcome != good.rows[check][0]
        }
        _are_whole(run, self.verdicts)

    def is_only(self, exit_status: int, errors: set[str], **others: set[str]) -> None:
        """Assert that these checks ended in error or another outcome, all others as on the good host."""
        wanted = dict.fromkeys(errors, "error")
        wanted |= {check: outcome.replace("_", " ") for outcome, checks in others.items() for check in checks}
        wrong = {
            check: f"expected {wanted.get(check, 'no change')}, found {self.changed.get(check, 'no change')}"
            for check in wanted.keys() | self.changed.keys()
            if wanted.get(check) != self.changed.get(check)
        }
        some = [f"{check}: {how}" for check, how in sorted(wrong.items())[:12]]
        assert not wrong, "\n".join([f"{len(wrong)} verdicts are wrong, such as", *some])
        assert self.run.exit_status == exit_status, self.run.output[-3000:]

    def each_error_says(self, *texts: str) -> None:
        """Assert that each error says one of the texts, and that each text is said."""
        reasons = {self.verdicts[check].reason for check, outcome in self.changed.items() if outcome == "error"}
        silent = {reason for reason in reasons if not any(text in reason for text in texts)}
        assert not silent, silent
        assert all(any(text in reason for reason in reasons) for text in texts), reasons


def _name(verdict: Verdict) -> str:
    return verdict.id.rpartition("::")[2]


def _file(verdict: Verdict) -> str:
    return Path(verdict.id.partition("::")[0]).stem.removeprefix("test_")


def _are_whole(run: SuiteRun, verdicts: Mapping[str, Verdict]) -> None:
    """Assert that the reports can be read and that nothing of them or of the terminal is a host's control character."""
    assert "Traceback" not in run.output
    assert "INTERNALERROR" not in run.output
    page = (run.report / "report.html").read_text("utf-8")
    junit = (run.report / "junit.xml").read_text("utf-8")
    for text in (run.output, page, junit):
        assert not (found := _CONTROLS.search(text)), text[max(found.start() - 80, 0) : found.end() + 80]
    assert len(ET.fromstring(junit).findall(".//testcase")) == len(verdicts)  # noqa: S314  # we wrote it
    assert page.rstrip().endswith("</html>")
    assert run.results.exit_status == run.exit_status
