"""Expectations that no profile has to name: what a command does on each host, by its documentation."""

from collections.abc import Callable

import pytest

from xenproof.profile.expectation import Expectation, Level, Status
from xenproof.profile.profile import Profile

_WHERE = "what holds on all hosts"
Documented = Callable[[str, object, str], Expectation]


@pytest.fixture(scope="session")
def documented(profile: Profile) -> Documented:
    """Makes an expectation of what a document says: its name, its value, and the document."""

    def make(name: str, value: object, source: str) -> Expectation:
        path = ("xl", "does", name)
        return Expectation(path, value, (), source, Status.DOCUMENTED, Level.MUST, profile.name, _WHERE)

    return make
