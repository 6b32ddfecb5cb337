"""A pool of guests: made when first asked for, made anew where one was lost, removed at the end."""

from collections.abc import Callable
from typing import cast

import pytest

from xenproof.errors import CommandFailed, GuestError
from xenproof.guest.guest import Guest
from xenproof.guest.pool import GuestPool


class SomeGuest:
    """As much of a guest as a pool needs."""

    def __init__(self, key: str, number: int) -> None:
        self.key, self.number = key, number
        self.lost = self.removed = False
        self.fails_to_go = False

    def is_lost(self) -> bool:
        return self.lost

    def remove(self) -> None:
        self.removed = True
        if self.fails_to_go:
            raise GuestError(f"{self.key} stays")


class Guests:
    """Those that were made, in order; `problem` is why the next ones cannot be prepared."""

    def __init__(self) -> None:
        self.made: list[SomeGuest] = []
        self.prepared: list[int] = []
        self.problem = ""
        self.ill: set[str] = set()

    def pool(self, *, may_end: bool = False) -> GuestPool[str, str]:
        return GuestPool(self._make, self._prepare, (lambda word: word not in self.ill) if may_end else None)

    def _make(self, key: str) -> Guest:
        self.made.append(SomeGuest(key, len(self.made)))
        return cast("Guest", self.made[-1])

    def _prepare(self, guest: Guest) -> str:
        made = cast("SomeGuest", guest)
        self.prepared.append(made.number)
        if self.problem:
            raise CommandFailed(self.problem)
        return f"{made.key} {made.number}"


@pytest.fixture
def guests() -> Guests:
    """No guest yet."""
    return Guests()


def test_a_guest_is_made_when_it_is_first_asked_for_and_serves_all(guests: Guests) -> None:
    pool = guests.pool()
    assert guests.made == []

    assert [pool.lend(key) for key in ("a", "b", "a")] == ["a 0", "b 1", "a 0"]
    assert guests.prepared == [0, 1]


@pytest.mark.parametrize("may_end", [False, True])
def test_a_guest_that_was_lost_is_removed_and_made_anew(guests: Guests, may_end: bool) -> None:
    pool = guests.pool(may_end=may_end)
    pool.lend("a")
    guests.made[0].lost = True

    assert pool.lend("a") == "a 1"
    assert [guest.removed for guest in guests.made] == [True, False]


def test_one_that_cannot_be_prepared_is_an_error_of_each_that_asks(guests: Guests) -> None:
    pool = guests.pool()
    guests.problem = "no space left"
    for _ in range(2):
        with pytest.raises(CommandFailed, match="no space left"):
            pool.lend("a")
    assert guests.prepared == [0]

    guests.made[0].lost, guests.problem = True, ""
    assert pool.lend("a") == "a 1"


def test_one_that_may_be_ended_is_made_anew_where_it_is_not_well_or_could_not_be_prepared(guests: Guests) -> None:
    pool = guests.pool(may_end=True)
    guests.problem = "did not boot"
    with pytest.raises(CommandFailed):
        pool.lend("a")
    guests.problem = ""
    assert pool.lend("a") == "a 1"
    assert pool.lend("a") == "a 1"

    guests.ill.add("a 1")
    assert pool.lend("a") == "a 2"
    assert [guest.removed for guest in guests.made] == [True, True, False]


def test_whoever_takes_care_has_the_guest_before_it_is_prepared(guests: Guests) -> None:
    taken: list[tuple[Guest, list[int]]] = []
    pool = guests.pool()
    guests.problem = "did not start"

    with pytest.raises(CommandFailed):
        pool.lend("a", lambda guest, _: taken.append((guest, list(guests.prepared))))

    assert taken == [(cast("Guest", guests.made[0]), [])]


@pytest.mark.parametrize(("may_end", "kept", "goes"), [(True, True, True), (True, False, False), (False, True, False)])
def test_one_that_is_kept_is_let_go_where_the_next_would_do_things_to_it(
    guests: Guests, may_end: bool, kept: bool, goes: bool
) -> None:
    later: list[Callable[[bool], None]] = []
    pool = guests.pool(may_end=may_end)
    pool.lend("a", lambda _, afterwards: later.append(afterwards))

    later[0](kept)

    assert guests.made[0].removed == goes
    later[0](kept)  # a check may have asked for it twice
    assert pool.lend("a") == ("a 1" if goes else "a 0")


def test_all_are_removed_at_the_end_also_where_one_does_not_go(guests: Guests) -> None:
    pool = guests.pool()
    for key in ("a", "b", "c"):
        pool.lend(key)
    guests.made[1].fails_to_go = True

    with pytest.raises(GuestError, match="b stays"):
        pool.close()

    assert all(guest.removed for guest in guests.made)
    pool.close()  # a second time does nothing


def test_one_that_broke_off_while_it_was_prepared_is_removed_at_the_end(guests: Guests) -> None:
    def interrupted(guest: Guest) -> str:
        raise KeyboardInterrupt

    pool: GuestPool[str, str] = GuestPool(guests._make, interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.lend("a")
    pool.close()
    assert guests.made[0].removed
