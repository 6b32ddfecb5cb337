"""The fixtures of facts: those of the table, and the keys of the hosts of a run.

They live as long as the recording that they are read from: each output is parsed once for a host.
"""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.facts.ssh_readiness import Readiness, Trust
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.suite.fact_table import FACTS, Fact
from xenproof.suite.target import Target


def _reader(name: str, fact: Fact) -> Callable[[Recording, Profile], Any]:
    """The function of the fixture `name`."""

    def read(recording: Recording, profile: Profile) -> Any:
        return fact.read(recording, profile)

    read.__name__ = read.__qualname__ = name
    read.__doc__ = fact.title
    return read


READERS = {name: _reader(name, fact) for name, fact in FACTS.items()}
"""The functions of the fixtures of the table, by their names."""

# pytest takes fixtures from the names of a module.
globals().update({name: pytest.fixture(scope="session", name=name)(read) for name, read in READERS.items()})


@pytest.fixture(scope="session")
def trust_of(profile: Profile) -> Callable[[Target], Trust]:
    """The keys of a host, read once for each host of the run however many others ask."""
    return functools.cache(lambda target: Readiness(target.read(), profile).trust)


@pytest.fixture(scope="session")
def trust(target: Target, trust_of: Callable[[Target], Trust]) -> Trust:
    """The keys by which the host knows others, and they it."""
    return trust_of(target)


@pytest.fixture(scope="session")
def trust_of_peers(peers: tuple[Target, ...], trust_of: Callable[[Target], Trust]) -> tuple[Trust, ...]:
    """The keys of the other hosts of the run; one that cannot be read is that host's error, not this one's."""
    found: list[Trust] = []
    for peer in peers:
        try:
            found.append(trust_of(peer))
        except XenproofError as error:
            raise NotEvaluable(f"the keys of {peer.url} are not known: {error}") from error
    return tuple(found)
