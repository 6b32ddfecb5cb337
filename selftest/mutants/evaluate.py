"""Runs one check on one recording in this process, as the suite would, and says how it ended.

The function is the check itself, its facts come from the suite's own fixtures and its comparison is
the suite's own; what the end means is decided where the suite decides it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from selftest.mutants.checks import Check
from xenproof.errors import UsageError
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.results.verdict import Outcome
from xenproof.source.probe import Recording
from xenproof.suite.expect import Expect, Mismatch
from xenproof.suite.fixtures import facts as fact_fixtures
from xenproof.suite.outcome import COMPARED_NOTHING, End, of_error


@dataclass(frozen=True, slots=True, eq=False)
class _Host:
    """One host of a run."""

    recording: Recording

    def read(self) -> Recording:
        """What its probes printed."""
        return self.recording


def evaluate(
    check: Check, expected: Expectation, recording: Recording, profile: Profile, peer: Recording | None = None
) -> End:
    """The end of `check` for one expectation on one recording; `peer` is the run's other host, if not one like it."""
    given: dict[str, Any] = {"recording": recording, "profile": profile, "expected": expected}
    given |= {"target": _Host(recording), "peers": (_Host(recording if peer is None else peer),)}
    expect = Expect(check.name)
    when = "setup"
    try:
        arguments = {name: expect if name == "expect" else _fixture(name, given) for name in check.wants}
        when = "call"
        check.function(**arguments)
    except (Exception, pytest.skip.Exception) as error:  # noqa: BLE001  # as pytest: whatever a check raises is its end
        end = of_error(error, when)
        found = expect.findings[-1] if isinstance(error, Mismatch) else None
        return End(end.outcome, f"expected {found.expected}, found {found.found}") if found else end
    if not expect.findings:
        return End(Outcome.ERROR, COMPARED_NOTHING)
    return End(Outcome.PASS)


def _fixture(name: str, given: dict[str, Any]) -> Any:
    if name not in given:
        function: Callable[..., Any] = inspect.unwrap(getattr(fact_fixtures, name, _unknown))
        if function is _unknown:
            raise UsageError(f"the fixture {name!r} is none of {fact_fixtures.__name__}: a check of facts has no other")
        given[name] = function(**{wanted: _fixture(wanted, given) for wanted in inspect.signature(function).parameters})
    return given[name]


def _unknown() -> None:
    """What stands for a fixture that does not exist."""
