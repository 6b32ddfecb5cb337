"""The two sides: a whole process each, from pytest's start to its end, and what it answered."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from selftest.bench.place import Place
from selftest.bench.question import Questions
from selftest.mutants.checks import load_checks, selected
from xenproof.errors import XenproofError
from xenproof.profile.profile import Profile
from xenproof.results.json_file import read_results
from xenproof.results.verdict import Outcome

REPOSITORY = Path(__file__).parents[2]
# pytest's: everything passed, and something failed, which a host may.
ANSWERED_STATUSES = (0, 1)
LIMIT_S = 3600
_SPOKEN = {str(outcome) for outcome in Outcome} - {str(Outcome.ERROR), str(Outcome.NOT_APPLICABLE)}


class NoAnswer(XenproofError):
    """A side did not come to its end, so there is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one run of a side answered: for each question by its key whether the host is as expected.

    `verdicts` counts all that it said, `seconds` is the wall time of its process, `told` what it says of a no.
    """

    yes: Mapping[str, bool]
    verdicts: int
    seconds: float
    told: Mapping[str, str]


def ask_xenproof(place: Place, profile: Profile, name: str, folder: Path) -> Answers:
    """One run of the host checks as a user starts it; `name` is how the profile is called for.

    Raises NoAnswer if pytest did not come to its end.
    """
    report = folder / "report"
    command = [f"--profile={name}", *place.of_xenproof, f"--report={report}", "-q", "tests/host"]
    seconds = _run(command, REPOSITORY, {})
    verdicts = read_results(report / "results.json").verdicts
    found = {row.id: row for row in verdicts if row.outcome in _SPOKEN}
    keys = {
        f"tests/host/{check.name}[{expected.name}]": expected.key
        for check in load_checks()
        for expected in selected(check, profile)
    }
    rows = {keys[test]: row for test, row in found.items() if test in keys}
    yes = {key: row.outcome == Outcome.PASS for key, row in rows.items()}
    return Answers(yes, len(verdicts), seconds, {key: row.reason for key, row in rows.items()})


def ask_testinfra(place: Place, questions: Questions, folder: Path, *, shared: bool = True) -> Answers:
    """One run of the plain module by pytest and testinfra as they are shipped; raises NoAnswer as above.

    No other plugin is loaded, and no settings of ours: both would only cost it time.
    """
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (folder / "test_plain.py").write_text(questions.module(shared=shared), "utf-8")
    result = folder / "junit.xml"
    command = ["-p", "testinfra.plugin", *place.of_testinfra, f"--junitxml={result}", "-q", "test_plain.py"]
    seconds = _run(command, folder, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    keys = {question.function: question.key for question in questions.asked}
    yes: dict[str, bool] = {}
    told: dict[str, str] = {}
    # Written a moment ago by a pytest of ours.
    cases = list(ElementTree.parse(result).iter("testcase"))  # noqa: S314
    for case in cases:
        # test_units_xen_service_active[paramiko://127.0.0.1]
        key = keys[case.get("name", "").partition("[")[0]]
        if case.find("error") is None and case.find("skipped") is None:
            failure = case.find("failure")
            yes[key] = failure is None
            told[key] = "" if failure is None else failure.get("message", "")
    return Answers(yes, len(cases), seconds, told)


def _run(arguments: Sequence[str], folder: Path, more: Mapping[str, str]) -> float:
    """The seconds that pytest took; both sides may keep their compiled modules, as they do for anybody."""
    own = ("PYTEST_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments], cwd=folder, env={**environment, **more},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"pytest {' '.join(arguments)} did not end within {LIMIT_S} s") from error
    seconds = time.monotonic() - began
    if done.returncode not in ANSWERED_STATUSES:
        said = (done.stdout + done.stderr).strip()[-3000:]
        raise NoAnswer(f"pytest {' '.join(arguments)} ended with status {done.returncode}; it said:\n{said}")
    return seconds
