"""The checks of a host's state and the profile fit each other."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from xenproof.profile.load import load_profile
from xenproof.profile.schema import FAMILY_SHAPES

CHECKS = Path(__file__).parents[3] / "tests" / "host"
PROFILE = load_profile("debian12")
# Judged by the checks that run guests.
ELSEWHERE = "guest"


def functions() -> Iterator[ast.FunctionDef]:
    for path in sorted(CHECKS.glob("test_*.py")):
        yield from (node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef))


def decorators(function: ast.FunctionDef) -> dict[str, list[str]]:
    calls = [call for call in function.decorator_list if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)]
    return {
        call.func.id: [ast.literal_eval(word) for word in call.args]
        for call in calls
        if isinstance(call.func, ast.Name)
    }


def patterns() -> list[str]:
    return [decorators(function)["each"][0] for function in functions()]


def test_each_expectation_is_judged_by_exactly_one_check() -> None:
    judged = Counter(expectation.key for pattern in patterns() for expectation in PROFILE.select(pattern))
    assert set(judged) == {found.key for found in PROFILE.expectations.values() if found.family != ELSEWHERE}
    assert set(judged.values()) == {1}


def test_each_attribute_that_a_profile_may_have_has_a_check() -> None:
    judged = {(pattern.split(".")[0], pattern.rpartition(".")[2]) for pattern in patterns()}
    assert judged == {
        (family, name) for family, shape in FAMILY_SHAPES.items() for name in shape.attributes if family != ELSEWHERE
    }


def test_each_check_is_one_sentence_and_one_comparison() -> None:
    for function in functions():
        doc = ast.get_docstring(function)
        assert doc, function.name
        assert doc.endswith("."), function.name
        assert "{value}" in doc, function.name
        assert len(function.body) == 2, f"{function.name} does more than compare"
        assert decorators(function)["req"], function.name


def test_the_profile_says_why() -> None:
    assert len(PROFILE.expectations) >= 100
    for expectation in PROFILE.expectations.values():
        assert expectation.req, expectation.key
        assert expectation.source, expectation.key
