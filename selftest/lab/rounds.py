"""Many faults in few looks at a host: each fault is injected in one, two or three rounds, beside other ones.

No two faults have the same rounds.  So the rounds in which a check fails say whose doing that is, although a dozen
faults are there at the same time.
"""

from collections.abc import Callable, Sequence
from itertools import chain, combinations, count
from typing import TypeVar

T = TypeVar("T")
MOST_TIMES = 3


def arranged(things: Sequence[T], apart: Callable[[T, T], bool]) -> list[list[T]]:
    """The rounds, as few as found: each of `things` is in some of them, no two of `things` in the same.

    None is in a round with one that it has to be `apart` from.  Each round keeps the order of `things`.
    """
    # The most difficult first, since a place is never given up again.
    order = sorted(things, key=lambda one: -sum(apart(one, other) for other in things))
    for size in count(1):
        rounds = _placed(order, size, apart)
        if rounds is not None:
            return [[thing for thing in things if thing in round_] for round_ in rounds]
    raise AssertionError("unreachable: with a round for each, none is beside another")


def _placed(things: Sequence[T], size: int, apart: Callable[[T, T], bool]) -> list[list[T]] | None:
    """`things` in `size` rounds, each next one in as few as can be, the least crowded; None if one finds no place."""
    rounds: list[list[T]] = [[] for _ in range(size)]
    free = set(chain.from_iterable(combinations(range(size), times) for times in range(1, MOST_TIMES + 1)))
    for thing in things:
        fitting = [
            places
            for places in sorted(free)
            if not any(apart(thing, other) for number in places for other in rounds[number])
        ]  # fmt: skip
        if not fitting:
            return None
        places = min(fitting, key=lambda places: (len(places), sum(len(rounds[number]) for number in places)))
        free.remove(places)
        for number in places:
            rounds[number].append(thing)
    return rounds
