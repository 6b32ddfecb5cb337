"""Faults are arranged so that the rounds in which a check fails tell whose doing that is."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from selftest.lab.rounds import MOST_TIMES, arranged
from selftest.lab.test_faults import FAULTS, ROUNDS, Fault


def together(rounds: list[list[Fault]]) -> list[tuple[Fault, Fault]]:
    return [pair for round_ in rounds for pair in combinations(round_, 2)]


@given(st.integers(1, 60), st.integers(1, 60))
def test_each_thing_has_rounds_of_its_own(number: int, modulus: int) -> None:
    def apart(one: int, other: int) -> bool:
        return one % modulus == other % modulus and modulus > 1

    rounds = arranged(range(number), apart)

    theirs = [tuple(index for index, round_ in enumerate(rounds) if thing in round_) for thing in range(number)]
    assert all(1 <= len(places) <= MOST_TIMES for places in theirs)
    assert len(set(theirs)) == number
    assert not [pair for round_ in rounds for pair in combinations(round_, 2) if apart(*pair) and pair[0] != pair[1]]
    assert all(round_ == sorted(round_) for round_ in rounds)


def test_the_faults_are_told_apart_in_few_rounds() -> None:
    assert not [pair for pair in together(ROUNDS) if Fault.apart(*pair)]
    assert {fault for round_ in ROUNDS for fault in round_} == set(FAULTS)
    assert len(ROUNDS) <= 12
