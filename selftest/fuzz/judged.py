"""Every check of a host's state on a recording, as far as an error that a check may not end with."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from selftest.mutants.checks import Check, load_checks, selected
from xenproof.errors import XenproofError
from xenproof.facts.families import FAMILIES
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.suite.expect import Expect, Mismatch
from xenproof.suite.fixtures import facts as fact_fixtures


def judge(recording: Recording, profile: Profile) -> None:
    """Let all checks judge; what is neither a verdict nor an XenproofError comes out."""
    host = _Host(recording)
    all_of_them = {"recording": recording, "profile": profile, "target": host, "peers": (host,)}
    for check, expected in _pairs(profile):
        given: dict[str, Any] = {**all_of_them, "expected": expected, "expect": Expect(check.name)}
        try:
            check.function(**{name: _fixture(name, given) for name in check.wants})
        except (XenproofError, Mismatch, pytest.skip.Exception):
            continue


def read_all(recording: Recording, profile: Profile) -> None:
    """Parse all families; what is no XenproofError comes out."""
    for family in FAMILIES:
        try:
            family.of(recording, profile)
        except XenproofError:  # each for itself
            continue


class _Host:
    """One host of a run."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.url = recording.host

    def read(self) -> Recording:
        """What its probes printed."""
        return self.recording


@cache
def _pairs(profile: Profile) -> tuple[tuple[Check, Expectation], ...]:
    return tuple((check, expected) for check in load_checks() for expected in selected(check, profile))


@cache
def _maker(name: str) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """The function of a fixture, and the fixtures that it wants."""
    function = inspect.unwrap(getattr(fact_fixtures, name))
    return function, tuple(inspect.signature(function).parameters)


def _fixture(name: str, given: dict[str, Any]) -> Any:
    if name not in given:
        function, wants = _maker(name)
        given[name] = function(**{wanted: _fixture(wanted, given) for wanted in wants})
    return given[name]
