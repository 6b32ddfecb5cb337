"""The questions of a profile as tests of plain testinfra, and the module that holds them."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from xenproof.probing.probes import RELEASE
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile

HERE = Path(__file__).parent
NOT_ASKED = "not asked"
# What pytest is asked for by the name of an argument: the fixtures of plain.py, and testinfra's host.
_FIXTURE = "pytest.fixture"
_HOST = "host"
_SHARED = '@pytest.fixture(scope="module")'


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the expectation that it asks about, and the body of its test."""

    key: str
    body: str

    @property
    def function(self) -> str:
        """The name of its test function."""
        return "test_" + re.sub(r"\W+", "_", self.key).strip("_")

    @property
    def names(self) -> set[str]:
        """Every name that the body takes from outside."""
        nodes = [node for node in ast.walk(ast.parse(self.body)) if isinstance(node, ast.Name)]
        return {node.id for node in nodes} - {node.id for node in nodes if isinstance(node.ctx, ast.Store)}

    def test(self, fixtures: Iterable[str]) -> str:
        """The text of its test function, which asks for those of `fixtures` that the body uses."""
        wanted = ", ".join(sorted(self.names & set(fixtures)))
        body = "\n".join(f"    {line}" for line in self.body.splitlines())
        return f"def {self.function}({wanted}):\n{body}\n"


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of a profile, and why the rest of its expectations has none, by their keys."""

    asked: tuple[Question, ...]
    not_asked: Mapping[str, str]

    def module(self, *, shared: bool = True) -> str:
        """The text of a test module for plain testinfra.

        What several questions need is asked once where it is `shared`, else by each test for itself.
        """
        head = (HERE / "plain.py").read_text("utf-8")
        if not shared:
            head = head.replace(_SHARED, "@pytest.fixture")
        fixtures = fixtures_of(head)
        tests = [question.test(fixtures) for question in self.asked]
        return "\n\n".join([head, *tests])


def questions(profile: Profile) -> Questions:
    """A question for each expectation of the profile, or the reason why there is none.

    Raises KeyError for an expectation of which questions.yaml says neither.
    """
    asked: list[Question] = []
    not_asked: dict[str, str] = {}
    for expected in profile.expectations.values():
        found = _text(_table()[NOT_ASKED], expected.key, expected.family)
        if found is not None:
            not_asked[expected.key] = found
        else:
            asked.append(Question(expected.key, _body(expected, profile)))
    return Questions(tuple(asked), not_asked)


def fixtures_of(source: str) -> list[str]:
    """The fixtures that a test of a module with this text can ask for."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    own = [
        node.name for node in functions if any(ast.unparse(mark).startswith(_FIXTURE) for mark in node.decorator_list)
    ]
    return [_HOST, *own]


def _body(expected: Expectation, profile: Profile) -> str:
    template = _text(
        _table()[expected.family],
        f"{expected.name}.{expected.attribute}={expected.value}",
        f"{expected.name}.{expected.attribute}",
        *(["journal." + expected.attribute] if _journal(expected.name) else []),
        f"{expected.attribute}={expected.value}",
        expected.attribute,
    )
    if template is None:
        raise KeyError(f"questions.yaml has no question for {expected.key} and no reason why")
    return template.format(
        name=_literal(expected.name),
        value=_literal(expected.value),
        plain=expected.name,
        # Of several files the first, as xenproof's probes take it.
        qemu=next((path for path in profile.entries("files") if "qemu-system" in path.rpartition("/")[2]), ""),
        grub_cfg=next((path for path in profile.entries("files") if path.endswith("/grub.cfg")), ""),
        journal=_journal(expected.name),
        verify="dpkg -V" if profile.scheme == "deb" else "rpm -V --nomtime",
    ).strip()


def _journal(name: str) -> str:
    """The arguments by which journalctl prints the log `name`, empty for one that is not in the journal."""
    if name.startswith("journal:"):
        return name.removeprefix("journal:")
    return f"-u {name}" if name.endswith(".service") else ""


def _text(table: Mapping[str, str], *names: str) -> str | None:
    return next((table[name] for name in names if name in table), None)


def _literal(value: object) -> str:
    """The value as Python has it; what a profile calls {release} is the fixture of that name."""
    return f"f{value!r}" if isinstance(value, str) and RELEASE in value else repr(value)


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    table: Mapping[str, Any] = YAML(typ="safe").load((HERE / "questions.yaml").read_text("utf-8"))
    return table
