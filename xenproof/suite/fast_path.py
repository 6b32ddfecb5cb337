"""The fast path of checks of facts: most of a run over many hosts is what pytest does around each test.

A check that asks for nothing but an expectation and facts has nothing to set up and to take down.  It is called
right away, with what its fixtures would give; if it passes, that is reported.  Whatever else happens, such as a
mismatch, an error, or a word on standard output, is as if it had not been called: pytest runs it from the start.
"""

import contextlib
import inspect
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy
import pytest

from xenproof.profile.profile import Profile
from xenproof.results.verdict import Verdict
from xenproof.source.probe import Recording
from xenproof.suite.carried import carry
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.facts import READERS

# What pytest itself gives, or this plugin; the rest of what a check asks for has to be facts.
_GIVEN = frozenset({"expected", "expect", "recording", "profile", "target", "request", "pytestconfig"})
# A marker that is not among them may change how a test runs.
_PLAIN_MARKS = frozenset({"each", "req", "smoke", "parametrize"})
# With one of these, each step of pytest is what the user wants to see.
_STEP_BY_STEP = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")


class Spoke(Exception):  # no error: it is why a check is run by pytest, which keeps what it says
    """A check wrote to standard output."""


class _Silence(io.TextIOBase):
    """Where a check that is called right away must not write."""

    def write(self, text: str) -> int:
        raise Spoke(text)


_SILENCE = _Silence()


@dataclass(frozen=True, slots=True)
class Call:
    """A check as a function, the facts that it asks for, and what all its reports have in common."""

    function: Callable[..., Any]
    facts: dict[str, Callable[[Recording, Profile], Any]]
    file: str
    line: int | None
    keywords: dict[str, Any]
    hook: Any
    silently: Callable[..., Any]

    def report(self, item: pytest.Item, verdict: Verdict) -> None:
        """Tell pytest's plugins that the check passed, in the three phases that they know of; with its `verdict`."""
        location = (self.file, self.line, item.name)
        call = pytest.TestReport(
            nodeid=item.nodeid, location=location, keywords=self.keywords, outcome="passed", longrepr=None, when="call",
            duration=verdict.seconds,
        )  # fmt: skip
        setup, teardown = _like(call, "setup"), _like(call, "teardown")
        carry(teardown, verdict)
        self.hook.pytest_runtest_logstart(nodeid=item.nodeid, location=location)
        self.silently(report=setup)
        self.hook.pytest_runtest_logreport(report=call)
        self.silently(report=teardown)
        self.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=location)


def _like(report: pytest.TestReport, when: str) -> pytest.TestReport:
    """The report of another phase of the same check, without reading its name again."""
    made = pytest.TestReport.__new__(pytest.TestReport)
    vars(made).update(vars(report), when=when, duration=0.0, user_properties=[], sections=[])
    return made


class FastPath:
    """The checks of a run that can be called right away, on one host after the other.

    It is a plugin of pytest, to know which nodes are set up.
    """

    def __init__(self, config: pytest.Config, profile: Profile) -> None:
        self._profile = profile
        self._off = any(config.getoption(name, False) for name in _STEP_BY_STEP)
        self._calls: dict[tuple[Path, str], Call | None] = {}
        self._set_up: list[object] = []

    def of(self, item: pytest.Item, nextitem: pytest.Item | None) -> Call | None:
        """How to call the check; None where pytest has to run it."""
        if self._off or not isinstance(item, pytest.Function) or not self._nothing_ends(item, nextitem):
            return None
        key = (item.path, item.originalname)
        if key not in self._calls:
            self._calls[key] = _call(item)
        return self._calls[key]

    def passes(self, call: Call, recording: Recording, expected: object, expect: Expect) -> bool:
        """Whether the check passes, and compared what it found; what it raised is for pytest to find again."""
        try:
            with contextlib.redirect_stdout(_SILENCE):
                facts = {name: fact(recording, self._profile) for name, fact in call.facts.items()}
                call.function(expected=expected, expect=expect, **facts)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception):  # noqa: BLE001  # said by the second call
            return False
        return bool(expect.findings)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Note what stays set up after a test that pytest runs: what the next one has in common with it."""
        wanted = nextitem.listchain() if nextitem is not None else []
        self._set_up = [node for node, other in zip(item.listchain(), wanted, strict=False) if node is other]

    def _nothing_ends(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Whether pytest has nothing to take down after `item`: all that is set up is wanted by the next test."""
        if nextitem is not None and nextitem.parent is item.parent:
            return True
        return not self._set_up if nextitem is None else set(self._set_up) <= set(nextitem.listchain())


def _call(item: pytest.Function) -> Call | None:
    names = set(item.fixturenames)
    arguments = set(inspect.signature(item.function).parameters)
    marks = {mark.name for mark in item.iter_markers()}
    if not {"expected", "expect"} <= arguments or not marks <= _PLAIN_MARKS or item.cls is not None:
        return None
    facts = {name: fact for name in arguments - _GIVEN if (fact := _fact(item, name)) is not None}
    if facts.keys() | {"expected", "expect"} != arguments or names - _GIVEN - facts.keys():
        return None
    file, line, _ = item.location
    keywords = {name: 1 for name in item.keywords if name != item.name}
    return Call(item.function, facts, file, line, keywords, item.ihook, _without_terminal(item))


def _without_terminal(item: pytest.Item) -> pluggy.HookCaller:
    """What tells of a report to all but the terminal, which shows no set-up and no end that passed, but keeps them."""
    plugins, name = item.config.pluginmanager, "pytest_runtest_logreport"
    told = {found.plugin for found in getattr(item.ihook, name).get_hookimpls()}
    all_of_them = {found.plugin for found in getattr(plugins.hook, name).get_hookimpls()}
    return plugins.subset_hook_caller(name, {plugins.get_plugin("terminalreporter"), *(all_of_them - told)} - {None})


def _fact(item: pytest.Function, name: str) -> Callable[[Recording, Profile], Any] | None:
    """The function of a fixture that gives facts of a recording; None for another, or where it was overridden."""
    used = [found.func for found in item._fixtureinfo.name2fixturedefs.get(name, ())]
    return READERS[name] if name in READERS and used == [READERS[name]] else None
