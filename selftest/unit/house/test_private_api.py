"""What is used of other packages' private parts stands in one table, is there, and is bounded from above."""

import ast
import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from xenproof.private_api import PRIVATE_USES, PrivateUse

ROOT = Path(__file__).parents[3]
OURS = ("xenproof", "tests", "selftest")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax of each file of xenproof."""
    files = sorted((ROOT / "xenproof").rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in files}


def stored(node: ast.AST) -> Iterator[str]:
    """The private names that a piece of code gives to its own objects."""
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.ClassDef):
            yield part.name
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and is_own(part.value):
            yield part.attr


def is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def is_super(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super"


@cache
def our_names() -> frozenset[str]:
    return frozenset(name for tree in trees().values() for name in stored(tree) if is_private(name))


def of_others(tree: ast.Module) -> set[str]:
    """The private names that a file reads of objects that are none of ours, and the private modules that it imports."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in our_names():
            if not (isinstance(node.value, ast.Name) and node.value.id in sys.stdlib_module_names):
                found.add(node.attr)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "setattr", "hasattr"):
            words = [word.value for word in node.args if isinstance(word, ast.Constant)]
            found |= {word for word in words if isinstance(word, str) and is_private(word)}
        elif isinstance(node, ast.ImportFrom) and any(map(is_private, (node.module or "").split("."))):
            found.add(str(node.module))
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if any(map(is_private, name.name.split(".")))}
    return found


def overridden(path: str, tree: ast.Module) -> set[str]:
    """The private names of other packages' classes that classes of this file define again, or ask of `super()`."""
    found = set[str]()
    for node in (node for node in tree.body if isinstance(node, ast.ClassDef) and node.bases):
        module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        bases = [base for base in getattr(module, node.name).__mro__ if is_foreign(base)]
        supers = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute) and is_super(part.value)}
        names = {name for name in {*stored(node), *supers} if is_private(name)}
        found |= {name for name in names if any(has(base, name) for base in bases)}
    return found


def is_foreign(base: type) -> bool:
    package = base.__module__.partition(".")[0]
    return package not in sys.stdlib_module_names and package not in OURS


def has(base: type, name: str) -> bool:
    """Whether a class has the attribute, or gives it to its objects."""
    sources = "\n".join(inspect.getsource(one) for one in base.__mro__ if is_foreign(one))
    return hasattr(base, name) or re.search(rf"\bself\.{name}\b|^    {name}:", sources, re.MULTILINE) is not None


def test_no_private_part_is_used_that_does_not_stand_in_the_table() -> None:
    used = {(path, name) for path, tree in trees().items() for name in of_others(tree) | overridden(path, tree)}
    listed = {(path, use.attribute) for use in PRIVATE_USES for path in use.files if is_private(use.attribute)}
    assert used - listed == set(), "add it to xenproof/private_api.py, or better do without"
    assert listed - used == set(), "it is not used any more: take it out of xenproof/private_api.py"


@pytest.mark.parametrize("code", ["x._feed(1)", "getattr(x, '_feed')", "super()._feed(1)", "f()._feed = 1"])
def test_a_private_part_is_seen_however_it_is_used(code: str) -> None:
    assert of_others(ast.parse(code)) == {"_feed"}


@pytest.mark.parametrize("code", ["import _pytest", "from _pytest.nodes import Node", "import a._b.c"])
def test_a_private_module_is_seen(code: str) -> None:
    assert len(of_others(ast.parse(code))) == 1


def moved(use: PrivateUse) -> str:
    """What to say where a private part is not in the version that is installed, "" where it is."""
    module, _, name = use.name.partition(":")
    try:
        if has(getattr(importlib.import_module(module), name.rpartition(".")[0]), use.attribute):
            return ""
    except (ImportError, AttributeError):
        pass  # the module or the class has moved
    tried = pins()[canonicalize_name(use.distribution)]
    return (
        f"{use.distribution} {version(use.distribution)} is installed, {tried} was tried: {use.name} has moved; "
        f"{' and '.join(use.files)} use it {use.why}"
    )


@pytest.mark.parametrize("use", PRIVATE_USES, ids=lambda use: use.name)
def test_each_private_part_is_in_the_version_that_is_installed(use: PrivateUse) -> None:
    assert moved(use) == ""


@pytest.mark.parametrize("name", ["_pytest.python:Function._gone", "_pytest.python:Gone._a", "_pytest.gone:A._a"])
def test_a_private_part_that_moved_is_named_with_the_versions(name: str) -> None:
    said = moved(PrivateUse("pytest", name, "to be fast", ("a.py",)))
    tried = pins()["pytest"]
    assert (
        said == f"pytest {version('pytest')} is installed, {tried} was tried: {name} has moved; a.py use it to be fast"
    )


@pytest.mark.parametrize("use", PRIVATE_USES, ids=lambda use: use.name)
def test_each_private_part_is_named_where_the_table_says(use: PrivateUse) -> None:
    for path in use.files:
        assert re.search(rf"\b{use.attribute}\b", (ROOT / path).read_text("utf-8")), path


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return {canonicalize_name(name): pin for name, _, pin in (line.partition("==") for line in lines) if pin}


@pytest.mark.parametrize("distribution", sorted({use.distribution for use in PRIVATE_USES}))
def test_a_package_whose_private_parts_are_used_has_an_upper_bound(distribution: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["image"]]
    (bound,) = [found for found in map(Requirement, wanted) if found.name == distribution]
    assert {"<", ">="} == {part.operator for part in bound.specifier}
    assert bound.specifier.contains(version(distribution)), f"{distribution} {version(distribution)} is installed"


def test_plugins_and_options_of_others_are_left_alone() -> None:
    """No plugin is taken out, no option set, and none of the statistics that the terminal keeps is changed."""
    meddling = [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        if path.startswith("xenproof/suite/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (
            node.attr in ("unregister", "set_blocked", "stats")
            or (
                isinstance(node.ctx, ast.Store)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "option"
            )
        )
    ]
    assert meddling == []
