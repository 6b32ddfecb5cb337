"""What became of the mutants of a profile, and how it adds up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutant: the expectation that it misses, what was done, the check that was to find it, and what became of it.

    `reason` is why a void mutant proves nothing.
    """

    key: str
    what: str
    check: str
    fate: Fate
    reason: str = ""

    @property
    def family(self) -> str:
        """The family of the expectation."""
        return self.key.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing is proved about one expectation: its control is red, it has no mutant, no check or no mutator."""

    key: str
    what: str


@dataclass(frozen=True, slots=True)
class ProfileScore:
    """The mutants of one profile.

    `base` says what the good host was: a real one, or one that was synthesised.  `controls` are the
    expectations that the good host met.  `elsewhere` are those that other checks than those of a
    host's state judge.
    """

    profile: str
    base: str
    mutants: tuple[Mutant, ...] = ()
    problems: tuple[Problem, ...] = ()
    controls: int = 0
    elsewhere: int = 0

    def of(self, fate: Fate) -> list[Mutant]:
        """The mutants of this fate."""
        return [mutant for mutant in self.mutants if mutant.fate is fate]

    @property
    def proved(self) -> bool:
        """Whether each expectation has mutants and every one was killed."""
        return bool(self.mutants) and not self.problems and len(self.of(Fate.KILLED)) == len(self.mutants)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many mutants there were of something, by fate."""

    counts: Counter[Fate] = field(default_factory=Counter)

    @property
    def all(self) -> int:
        """All of them, void ones too."""
        return self.counts.total()

    @property
    def score(self) -> str:
        """The killed ones in percent, rounded down: 100 is all of them."""
        return f"{self.counts[Fate.KILLED] * 100 // self.all} %" if self.all else "none"


def tally(mutants: Iterable[Mutant]) -> Tally:
    """The fates of some mutants."""
    return Tally(Counter(mutant.fate for mutant in mutants))


def by_family(scores: Sequence[ProfileScore]) -> dict[str, Tally]:
    """The fates by family, over all profiles."""
    found: dict[str, list[Mutant]] = {}
    for score in scores:
        for mutant in score.mutants:
            found.setdefault(mutant.family, []).append(mutant)
    return {family: tally(found[family]) for family in sorted(found)}
