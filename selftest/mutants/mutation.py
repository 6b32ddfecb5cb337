"""A mutation: what was done to a good host, and the host that came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from selftest.mutants.raw import Raw
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile


@dataclass(frozen=True, slots=True)
class Mutation:
    """One broken host; `what` says in words how it differs from the good one.

    `peer` is the other host of the run, to a check that compares hosts with each other; None for a good one.
    """

    what: str
    host: Raw
    peer: Raw | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One expectation, the profile that it is of, and the good host that it is to be broken on."""

    host: Raw
    expected: Expectation
    profile: Profile

    @property
    def name(self) -> str:
        """The entry that the expectation is about."""
        return self.expected.name


# Every way in which the host of a case can miss the case's expectation, one at a time.
Mutator = Callable[[Case], Iterator[Mutation]]
# The host of a case, made to have what the case's expectation promises.
Maker = Callable[[Case], Raw]
