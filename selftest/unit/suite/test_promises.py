"""Expectations that no profile names are made in one way, and the fixtures of facts from one table."""

import ast
import inspect
from pathlib import Path

import pytest

from selftest.mutants.checks import load_checks
from xenproof.profile.expectation import Level, Status, derived
from xenproof.profile.load import load_profile
from xenproof.suite.fixtures import facts as fact_fixtures
from xenproof.suite.fixtures.fact_table import FACTS
from xenproof.suite.fixtures.promises import Predict, documents
from xenproof.xlcfg.of_profile import series_of

ROOT = Path(__file__).parents[3]
# What no fact is: pytest's own, the suite's, and facts of more hosts than one.
OTHERS = {"expected", "expect", "profile", "target", "recording", "trust", "trust_of_peers"}


def calls(name: str) -> set[str]:
    """The files of xenproof and of its checks that call `name`."""
    return {
        str(path.relative_to(ROOT))
        for folder in ("xenproof", "tests", "selftest/lab")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    }


def test_expectations_are_made_by_profiles_and_in_one_other_place() -> None:
    assert calls("Expectation") == {"xenproof/profile/merge.py", "xenproof/profile/expectation.py"}
    assert calls("derived") == {"xenproof/suite/fixtures/promises.py"}


def test_what_a_host_must_have_by_a_document_says_which() -> None:
    expected = documents("debian12")("state", "p", "xl(1), pause")
    assert (expected.key, expected.value, expected.profile) == ("xl.does.state", "p", "debian12")
    assert (expected.level, expected.status, expected.req) == (Level.MUST, Status.DOCUMENTED, ())
    assert (expected.source, expected.where) == ("xl(1), pause", "what holds on all hosts")


def test_what_rules_predict_says_which() -> None:
    series = series_of(load_profile("debian12"))
    expected = Predict("debian12", series).of("disk_backend", "a row", "phy")
    assert (expected.key, expected.value, expected.source) == ("xl.disk_backend.a row", "phy", series.source)
    assert (expected.level, expected.status, expected.req) == (Level.MUST, Status.DOCUMENTED, ())
    assert expected.where == f"rules of xl {series.name}"


@pytest.mark.parametrize("status", Status)
def test_what_no_profile_names_is_a_must_without_requirements_of_its_own(status: Status) -> None:
    made = derived(("guest", "qdisk", "token"), 1, source="a", where="b", profile="c", status=status)
    assert (made.level, made.status, made.req) == (Level.MUST, status, ())


def test_each_fact_of_the_table_is_a_fixture_that_says_what_it_is() -> None:
    for name, fact in FACTS.items():
        function = inspect.unwrap(getattr(fact_fixtures, name))
        assert function is fact_fixtures.READERS[name]
        assert function.__name__ == name
        assert function.__doc__ == fact.title
        assert fact.title.endswith(".")


def test_checks_of_hosts_ask_for_facts_of_the_table() -> None:
    wanted = {name for check in load_checks() for name in check.wants}
    assert wanted - OTHERS == set(FACTS)
