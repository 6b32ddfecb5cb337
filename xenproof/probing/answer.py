"""Values that a check compares (yes or no with the evidence, versions), and the comparisons."""

from collections.abc import Collection
from dataclasses import dataclass

from xenproof.profile.version import Scheme, in_range


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether something is so, and the evidence, in words that a report shows."""

    yes: bool
    seen: str

    def __str__(self) -> str:
        return f"{'yes' if self.yes else 'no'}: {self.seen}"


@dataclass(frozen=True, slots=True)
class Version:
    """A version as the host printed it, and the rules by which it is compared."""

    text: str
    scheme: Scheme

    def __str__(self) -> str:
        return self.text


def says(want: bool, have: Answer) -> bool:
    """Whether the answer is the wanted one."""
    return have.yes is want


def confirmed(want: object, have: Answer) -> bool:  # noqa: ARG001  # the answer is about what was wanted
    """Whether the answer is yes, for a question that already contains the wanted value."""
    return have.yes


def within(want: str, have: Version) -> bool:
    """Whether the version is in the wanted range; raises ParseError if the host printed none."""
    return in_range(have.text, want, have.scheme)


def one_of(want: Collection[str], have: str) -> bool:
    """Whether what was found is among the wanted values."""
    return have in want


def includes(want: Collection[str], have: Collection[str]) -> bool:
    """Whether every wanted value was found."""
    return set(want) <= set(have)


def includes_none(want: Collection[str], have: Collection[str]) -> bool:
    """Whether none of the values was found."""
    return not set(want) & set(have)


def nothing_but(want: Collection[str], have: Collection[str]) -> bool:
    """Whether nothing but the wanted values was found."""
    return set(have) <= set(want)


def at_least(want: int, have: int) -> bool:
    """Whether no less than the wanted amount was found."""
    return have >= want


def at_most(want: int, have: int) -> bool:
    """Whether no more than the wanted amount was found."""
    return have <= want
