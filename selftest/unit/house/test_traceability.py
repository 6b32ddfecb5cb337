"""Every check says what it proves, and every requirement has a check or a reason why it has none."""

import ast
import functools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from xenproof.profile.load import list_profiles, load_profile

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "docs" / "requirements.yaml"
KINDS = {"host", "guest", "migration"}


@dataclass(frozen=True)
class Requirement:
    """One row of docs/requirements.yaml."""

    kind: list[str]
    claim: str
    pending: str = ""
    partly: str = ""


@dataclass(frozen=True)
class Check:
    """A test function of the suite, as its source says."""

    where: str
    docstring: str
    req: frozenset[str]
    patterns: tuple[str, ...]


def requirements() -> dict[str, Requirement]:
    rows = YAML(typ="safe", pure=True).load(REQUIREMENTS)
    return {name: Requirement(**row) for name, row in rows.items()}


def suite_files() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def marked(decorator: ast.expr, name: str) -> list[str]:
    """The arguments of `@name(...)` or `@pytest.mark.name(...)`; none if `decorator` is another."""
    if not isinstance(decorator, ast.Call):
        return []
    called = decorator.func.attr if isinstance(decorator.func, ast.Attribute) else getattr(decorator.func, "id", "")
    values = [argument.value for argument in decorator.args if isinstance(argument, ast.Constant)]
    return [value for value in values if isinstance(value, str)] if called == name else []


def checks_in(path: Path) -> list[Check]:
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        found.append(
            Check(
                f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
                ast.get_docstring(node) or "",
                frozenset(name for decorator in node.decorator_list for name in marked(decorator, "req")),
                tuple(name for decorator in node.decorator_list for name in marked(decorator, "each")),
            )
        )
    return found


def all_checks() -> list[Check]:
    checks = [check for path in suite_files() if path.name.startswith("test_") for check in checks_in(path)]
    assert checks, "tests/ has no check at all, so nothing below would prove anything"
    return checks


@functools.cache
def proven() -> dict[str, list[str]]:
    """For each requirement the checks that name it, themselves or by an expectation that they are about."""
    where: dict[str, list[str]] = defaultdict(list)
    profiles = [load_profile(name) for name in list_profiles()]
    for check in all_checks():
        by_profile = {
            name
            for profile in profiles
            for pattern in check.patterns
            for expectation in profile.select(pattern)
            for name in expectation.req
        }
        for name in check.req | by_profile:
            where[name].append(check.where)
    return where


def test_requirements_are_whole() -> None:
    rows = requirements()
    assert list(rows) == [f"S{number:02}" for number in range(1, 26)]
    assert [name for name, row in rows.items() if not row.kind or not set(row.kind) <= KINDS] == []
    assert [name for name, row in rows.items() if not row.claim.endswith(".") or "\n" in row.claim] == []


def test_every_check_is_one_sentence_for_an_administrator() -> None:
    def is_sentence(text: str) -> bool:
        plain = " ".join(text.split())
        # What stands in braces is filled in by the report, and may begin the sentence.
        return plain.endswith(".") and (plain[0].isupper() or plain[0] == "{" or plain.split()[0].islower())

    assert [check.where for check in all_checks() if not check.docstring or not is_sentence(check.docstring)] == []


def test_every_check_names_requirements_that_exist() -> None:
    known = set(requirements())
    assert [check.where for check in all_checks() if not check.req] == []
    assert [(check.where, sorted(check.req - known)) for check in all_checks() if check.req - known] == []


def test_every_expectation_names_requirements_that_exist() -> None:
    known = set(requirements())
    assert list_profiles() != []
    unknown = [
        (expectation.where, name)
        for profile in list_profiles()
        for expectation in load_profile(profile).expectations.values()
        for name in expectation.req
        if name not in known
    ]
    assert unknown == []


def test_every_requirement_has_a_check_or_a_reason() -> None:
    where = proven()
    without = [name for name, row in requirements().items() if not where.get(name) and not row.pending.strip()]
    assert without == [], "no check names these: write one, or say `pending: why` in docs/requirements.yaml"


def test_no_requirement_has_both() -> None:
    where = proven()
    rows = requirements()
    both = {name: where[name][0] for name, row in rows.items() if row.pending and name in where}
    assert both == {}, "these are pending, and yet a check names them: remove `pending`"
    assert [name for name, row in rows.items() if row.pending and row.partly] == []


def bare_calls(path: Path) -> list[str]:
    """Every pytest.xfail(), and every skip or mark that says no reason."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    calls = {call.func: call for call in ast.walk(tree) if isinstance(call, ast.Call)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        name, call = ast.unparse(node), calls.get(node)
        said = call is not None and any(word.arg == "reason" for word in call.keywords)
        if (
            (name == "pytest.xfail" and call)
            or (name == "pytest.skip" and call and not (said or call.args))
            or (name in ("pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail") and not said)
        ):
            found.append(f"{path.name}:{node.lineno} {name}")
    return found


def test_no_skip_is_without_a_reason() -> None:
    files = [*suite_files(), *sorted((ROOT / "xenproof" / "suite").glob("*.py"))]
    assert [line for path in files for line in bare_calls(path)] == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("import pytest\ndef test_a() -> None:\n    pytest.skip()\n", 1),
        ("import pytest\ndef test_a() -> None:\n    pytest.xfail('known')\n", 1),
        ("import pytest\n@pytest.mark.skip\ndef test_a() -> None: ...\n", 1),
        ("import pytest\n@pytest.mark.xfail(strict=True)\ndef test_a() -> None: ...\n", 1),
        ("import pytest\ndef test_a() -> None:\n    pytest.skip('needs a second dom0: give --hosts A,B')\n", 0),
        ("import pytest\n@pytest.mark.xfail(reason='bug 7')\ndef test_a() -> None: ...\n", 0),
    ],
)
def test_a_bare_skip_is_found(tmp_path: Path, text: str, count: int) -> None:
    path = tmp_path / "test_a.py"
    path.write_text(text)
    assert len(bare_calls(path)) == count


def test_both_spellings_of_a_mark_are_read() -> None:
    tree = ast.parse("@req('S01', 'S02')\n@pytest.mark.req('S03')\n@each('a.*.b')\ndef test_a(): ...\n")
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert [marked(decorator, "req") for decorator in function.decorator_list] == [["S01", "S02"], ["S03"], []]
