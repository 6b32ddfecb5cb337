"""Every check of a host's state on a recording, as far as an error that a check may not end with."""

import inspect
from functools import cache
from typing import Any

import pytest

from selftest.mutants.checks import Check, load_checks, selected
from xenproof.errors import XenproofError
from xenproof.facts.families import FAMILIES
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.suite import fact_fixtures
from xenproof.suite.expect import Expect, Mismatch


def judge(recording: Recording, profile: Profile) -> None:
    """Let all checks judge; what is neither a verdict nor an XenproofError comes out."""
    for check in _checks():
        for expected in selected(check, profile):
            given: dict[str, Any] = {"recording": recording, "profile": profile, "expected": expected}
            host = _Host(recording)
            given |= {"target": host, "peers": (host,), "expect": Expect(check.name)}
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

    def read(self) -> Recording:
        """What its probes printed."""
        return self.recording


@cache
def _checks() -> tuple[Check, ...]:
    return load_checks()


def _fixture(name: str, given: dict[str, Any]) -> Any:
    if name not in given:
        function = inspect.unwrap(getattr(fact_fixtures, name))
        given[name] = function(**{wanted: _fixture(wanted, given) for wanted in inspect.signature(function).parameters})
    return given[name]
