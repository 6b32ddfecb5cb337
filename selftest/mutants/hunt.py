"""Breaks one expectation of a good host after the other, and asks the check that is named for it."""

from collections.abc import Iterable, Mapping, Sequence

from selftest.mutants.checks import Check, judges
from selftest.mutants.evaluate import evaluate
from selftest.mutants.mutation import Case, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.registry import ELSEWHERE, mutator
from selftest.mutants.score import Fate, Mutant, Problem, ProfileScore
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.results.verdict import Outcome
from xenproof.source.probe import Recording

_FATES: Mapping[Outcome, Fate] = {
    Outcome.FAIL: Fate.KILLED,
    Outcome.NEW: Fate.KILLED,  # of a rolling release, whose values fail no host
    Outcome.PASS: Fate.SURVIVED,
}


def hunt(
    profile: Profile, good: Recording, base: str, checks: Sequence[Check], chosen: Iterable[Expectation] | None = None
) -> ProfileScore:
    """The score of a profile's expectations, or of the `chosen` ones, on the good host."""
    named = judges(checks, profile)
    host = Raw.of(good)
    mutants: list[Mutant] = []
    problems: list[Problem] = []
    controls = elsewhere = 0
    for expected in profile.expectations.values() if chosen is None else chosen:
        if expected.family in ELSEWHERE:
            elsewhere += 1
            continue
        check = named[expected.key]
        if (breaks := mutator(expected.family, expected.attribute)) is None:
            problems.append(Problem(expected.key, f"no mutator for {expected.family}, {expected.attribute}"))
        elif len(check) != 1:
            problems.append(Problem(expected.key, f"{len(check)} checks are named for it, expected one"))
        elif (control := evaluate(check[0], expected, good, profile)).outcome is not Outcome.PASS:
            problems.append(Problem(expected.key, f"the control is red: {control.outcome}: {control.reason}"))
        else:
            controls += 1
            found, problem = _hunted(Case(host, expected, profile), check[0], breaks)
            mutants += found
            problems += problem
    return ProfileScore(profile.name, base, tuple(mutants), tuple(problems), controls, elsewhere)


def _hunted(case: Case, check: Check, breaks: Mutator) -> tuple[list[Mutant], list[Problem]]:
    found: list[Mutant] = []
    key = case.expected.key
    try:
        for mutation in breaks(case):
            found.append(_judged(case, check, mutation))
    except NotPossible as error:
        return found, [Problem(key, f"a mutant could not be made: {error}")]
    return found, [] if found else [Problem(key, "it has no mutant")]


def _judged(case: Case, check: Check, mutation: Mutation) -> Mutant:
    key, what = case.expected.key, mutation.what
    peer = case.host if mutation.peer is None else mutation.peer
    if same(case.host, mutation.host) and same(case.host, peer):
        return Mutant(key, what, check.name, Fate.VOID, "nothing was changed, so nothing could be found")
    end = evaluate(check, case.expected, mutation.host.recording(), case.profile, peer.recording())
    fate = _FATES.get(end.outcome, Fate.VOID)
    return Mutant(key, what, check.name, fate, f"{end.outcome}: {end.reason}" if fate is Fate.VOID else "")


def same(one: Raw, other: Raw) -> bool:
    """Whether both hosts print the same, to the probes and before them."""
    return one.recording().outputs == other.recording().outputs and one.about == other.about
