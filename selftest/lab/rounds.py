"""Many faults in few looks at a host: each fault is injected in two rounds, each time beside other ones.

No two faults have both rounds in common.  So the rounds in which a check fails say whose doing that is, although
nine faults are there at the same time.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, count
from typing import TypeVar

T = TypeVar("T")


def arranged(things: Sequence[T], apart: Callable[[T, T], bool]) -> list[list[T]]:
    """The rounds, as few as found: each of `things` is in two of them, no two of `things` in the same two.

    None is in a round with one that it has to be `apart` from.  Each round keeps the order of `things`.
    """
    # The most difficult first, since a place is never given up again.
    order = sorted(things, key=lambda one: -sum(apart(one, other) for other in things))
    for size in count(2):
        rounds = _placed(order, size, apart)
        if rounds is not None:
            return [[thing for thing in things if thing in round_] for round_ in rounds]
    raise AssertionError("unreachable: with two rounds for each, none is beside another")


def _placed(things: Sequence[T], size: int, apart: Callable[[T, T], bool]) -> list[list[T]] | None:
    """`things` in `size` rounds, each next one where it is least crowded; None if one finds no place."""
    rounds: list[list[T]] = [[] for _ in range(size)]
    free = set(combinations(range(size), 2))
    for thing in things:
        fitting = [
            pair
            for pair in sorted(free)
            if not any(apart(thing, other) for number in pair for other in rounds[number])
        ]  # fmt: skip
        if not fitting:
            return None
        pair = min(fitting, key=lambda pair: sum(len(rounds[number]) for number in pair))
        free.remove(pair)
        for number in pair:
            rounds[number].append(thing)
    return rounds
