"""The fast path of checks of facts, as pytest's work around each test takes most of the time of a run over many hosts.

A check that uses only an expectation and facts needs no set-up and no teardown.  It is called directly, with the
values that its fixtures would have; if it passes, that is reported.  After any other result, such as a mismatch, an
error or output on standard output, the call is discarded and pytest runs the check from the start.
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
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.facts import READERS
from xenproof.suite.report_verdict import attach_verdict

# Fixtures of pytest and of this plugin; all other fixtures of a check must be facts.
_GIVEN = frozenset({"expected", "expect", "recording", "profile", "target", "run_context", "request", "pytestconfig"})
# Any other marker may change how a test runs.
_PLAIN_MARKS = frozenset({"each", "req", "smoke", "parametrize"})
_NAME = "xenproof-fast-path"
# With one of these options, the user wants to see each step of pytest.
_STEP_BY_STEP = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")


class WroteOutput(Exception):  # no error: it hands the check to pytest, which captures its output
    """A check wrote to standard output."""


class _OutputGuard(io.TextIOBase):
    """Standard output for a direct call: raises WroteOutput when the check writes."""

    def write(self, text: str) -> int:
        raise WroteOutput(text)


_OUTPUT_GUARD = _OutputGuard()


@dataclass(frozen=True, slots=True)
class Call:
    """A check as a function, the facts that it uses, and the data that all its reports share."""

    function: Callable[..., Any]
    facts: dict[str, Callable[[Recording, Profile], Any]]
    file: str
    line: int | None
    keywords: dict[str, Any]
    hook: Any
    silently: Callable[..., Any]

    def report(self, item: pytest.Item, verdict: Verdict) -> None:
        """Report to pytest's plugins that the check passed, in their three phases, with its `verdict` attached."""
        location = (self.file, self.line, item.name)
        call = pytest.TestReport(
            nodeid=item.nodeid, location=location, keywords=self.keywords, outcome="passed", longrepr=None, when="call",
            duration=verdict.seconds,
        )  # fmt: skip
        setup, teardown = _like(call, "setup"), _like(call, "teardown")
        attach_verdict(teardown, verdict)
        self.hook.pytest_runtest_logstart(nodeid=item.nodeid, location=location)
        self.silently(report=setup)
        self.hook.pytest_runtest_logreport(report=call)
        self.silently(report=teardown)
        self.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=location)


def _like(report: pytest.TestReport, when: str) -> pytest.TestReport:
    """The report of another phase of the same check, copied, as its constructor would process the nodeid again."""
    made = pytest.TestReport.__new__(pytest.TestReport)
    vars(made).update(vars(report), when=when, duration=0.0, user_properties=[], sections=[])
    return made


class FastPath:
    """Selects and calls the checks of a run that can take the fast path, one host after the other.

    It is a pytest plugin so that it can track which nodes are set up.
    """

    def __init__(self, config: pytest.Config, profile: Profile) -> None:
        self._profile = profile
        self._off = any(config.getoption(name, False) for name in _STEP_BY_STEP)
        self._calls: dict[tuple[Path, str], Call | None] = {}
        self._set_up: list[object] = []

    def of(self, item: pytest.Item, nextitem: pytest.Item | None) -> Call | None:
        """The call for the check; None where pytest has to run it."""
        if self._off or not isinstance(item, pytest.Function) or not self._nothing_ends(item, nextitem):
            return None
        key = (item.path, item.originalname)
        if key not in self._calls:
            self._calls[key] = _call(item)
        return self._calls[key]

    def passes(self, call: Call, recording: Recording, expected: object, expect: Expect) -> bool:
        """Whether the check passes and compared something; an error is dropped, as pytest's own run raises it again."""
        try:
            with contextlib.redirect_stdout(_OUTPUT_GUARD):
                facts = {name: fact(recording, self._profile) for name, fact in call.facts.items()}
                call.function(expected=expected, expect=expect, **facts)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception):  # noqa: BLE001  # reported by the second call
            return False
        return bool(expect.findings)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Note which nodes stay set up after a test that pytest runs: those that the next test shares with it."""
        wanted = nextitem.listchain() if nextitem is not None else []
        self._set_up = [node for node, other in zip(item.listchain(), wanted, strict=False) if node is other]

    def _nothing_ends(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Whether pytest has nothing to tear down after `item`: the next test needs all nodes that are set up."""
        if nextitem is not None and nextitem.parent is item.parent:
            return True
        return not self._set_up if nextitem is None else set(self._set_up) <= set(nextitem.listchain())


def add_fast_path(config: pytest.Config, profile: Profile) -> None:
    """Let the checks of this process take the fast path where they can."""
    config.pluginmanager.register(FastPath(config, profile), _NAME)


def fast_path_of(config: pytest.Config) -> FastPath:
    """The fast path of this process."""
    found = config.pluginmanager.get_plugin(_NAME)
    assert isinstance(found, FastPath)  # noqa: S101  # registered as the run was configured
    return found


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
    """The logreport hook without the terminal, which prints no passed set-up or teardown but would store them."""
    plugins, name = item.config.pluginmanager, "pytest_runtest_logreport"
    called = {found.plugin for found in getattr(item.ihook, name).get_hookimpls()}
    all_of_them = {found.plugin for found in getattr(plugins.hook, name).get_hookimpls()}
    return plugins.subset_hook_caller(name, {plugins.get_plugin("terminalreporter"), *(all_of_them - called)} - {None})


def _fact(item: pytest.Function, name: str) -> Callable[[Recording, Profile], Any] | None:
    """The function of a fixture of facts; None for any other fixture, or where the user overrides it."""
    used = [found.func for found in item._fixtureinfo.name2fixturedefs.get(name, ())]
    return READERS[name] if name in READERS and used == [READERS[name]] else None
