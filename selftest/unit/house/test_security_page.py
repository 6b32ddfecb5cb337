"""SECURITY.md: behind each promise stands a test that is there, and its figures are those of the code."""

import ast
import re

import pytest

from selftest.lab.suite import REPOSITORY
from selftest.unit.report import test_report_bounds
from xenproof.image.budget import READING_LIMIT_S
from xenproof.profile.document import MOST_BYTES as MOST_PROFILE_BYTES
from xenproof.profile.document import MOST_VALUES
from xenproof.source.confined import Confinement
from xenproof.source.gather import MAX_BYTES, MAX_KEPT_BYTES
from xenproof.source.probe import MOST_BYTES as MOST_RECORDING_BYTES
from xenproof.source.time_limits import TIME_LIMITS
from xenproof.strict_json import MOST_PARTS

PAGE = (REPOSITORY / "SECURITY.md").read_text("utf-8")
PROMISES = re.findall(
    r"^- \*\*(.+?)\*\*(.*?)(?=\n-|\n\n|\Z)", PAGE.partition("## What is not promised")[0], re.M | re.S
)
NAMED = re.findall(r"`(selftest/\S+?\.py)(?:::(\w+))?`", PAGE)
# What a promise of another kind says is that nothing can be promised.
NO_TEST = ("A recording is what somebody says that a host printed.", "`extends` reads other files of the machine")


def test_each_promise_names_a_test() -> None:
    assert len(PROMISES) > 20
    bare = [promise for promise, rest in PROMISES if "`selftest/" not in rest]
    assert bare == list(NO_TEST)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_each_test_that_is_named_is_there(path: str, name: str) -> None:
    tests = [
        node.name
        for node in ast.parse((REPOSITORY / path).read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert any(found.startswith("test_") for found in tests)
    assert not name or name in tests


@pytest.mark.parametrize(
    "figure",
    [
        f"at most {test_report_bounds.MOST_BYTES >> 10} KiB in",
        f"{test_report_bounds.MOST_BYTES_ESCAPED >> 10} KiB\n  where its letters",
        f"{TIME_LIMITS.answer_s:g} s to open a channel",
        f"{TIME_LIMITS.reading_s:g} s for all of it",
        f"At most {MAX_BYTES >> 20} MiB of each output",
        f"{MAX_KEPT_BYTES >> 20} MiB in all",
        f"after {READING_LIMIT_S:g} s with what was read",
        f"after {Confinement().limit_s:g} s by force",
        f"{MOST_RECORDING_BYTES >> 20} MiB and a million values",
        f"{MOST_PROFILE_BYTES >> 10} KiB and {MOST_VALUES:,} values",
    ],
)
def test_its_figures_are_those_of_the_code(figure: str) -> None:
    assert figure in PAGE
    assert MOST_PARTS == 1_000_000
