"""A pool of guests: each is made when it is first asked for, made anew where it was lost, and removed at the end."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Generic, TypeVar

from xenproof.errors import XenproofError
from xenproof.guest.guest import Guest

Key = TypeVar("Key")
Ready = TypeVar("Ready")
Afterwards = Callable[[bool], None]
Entrust = Callable[[Guest, Afterwards], object]
"""Takes care of a lent guest, and then calls what it is given with whether the guest is kept for the user."""


def _to_nobody(guest: Guest, afterwards: Afterwards) -> None:
    """Nobody looks after it."""


class _Held(Generic[Ready]):
    """A guest of the pool, and what it is lent as, or why it cannot be: None before it was prepared."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.outcome: Ready | XenproofError | None = None


class GuestPool(Generic[Key, Ready]):
    """The guests of one worker on one host, by what they are asked for with."""

    def __init__(
        self, make: Callable[[Key], Guest], prepare: Callable[[Guest], Ready],
        is_well: Callable[[Ready], bool] | None = None,
    ) -> None:  # fmt: skip
        """`make` makes a guest, which is not defined yet; `prepare` gives what it is lent as.

        An error of `prepare` is raised for each that asks.  With `is_well` it is expected that who has a guest may end
        it: one that is not well, or could not be prepared, is made anew, and one that is kept for the user is let go,
        so that nothing more is done to it.
        """
        self._make, self._prepare, self._is_well = make, prepare, is_well
        self._held: dict[Key, _Held[Ready]] = {}

    def lend(self, key: Key, entrust: Entrust = _to_nobody) -> Ready:
        """The guest of this key; it is given to `entrust` before it is prepared, so that what explains that is kept."""
        if (held := self._held.get(key)) is not None and not self._serves(held):
            self.remove(key)
            held = None
        if held is None:
            self._held[key] = held = _Held(self._make(key))
        entrust(held.guest, lambda kept: self._afterwards(key, kept))
        if held.outcome is None:
            try:
                held.outcome = self._prepare(held.guest)
            except XenproofError as error:
                held.outcome = error
        if isinstance(held.outcome, XenproofError):
            raise held.outcome
        return held.outcome

    def _serves(self, held: _Held[Ready]) -> bool:
        """Whether it can be lent once more, as it is."""
        if held.guest.is_lost():
            return False
        if self._is_well is None:
            return True
        return not (held.outcome is None or isinstance(held.outcome, XenproofError)) and self._is_well(held.outcome)

    def _afterwards(self, key: Key, kept: bool) -> None:
        if kept and self._is_well is not None and key in self._held:
            self.remove(key)

    def remove(self, key: Key) -> None:
        """Remove the guest of this key, or let it go where it is kept; who asks next gets another one."""
        self._held.pop(key).guest.remove()

    def close(self) -> None:
        """Remove all guests; raises the last error after trying all."""
        guests = [held.guest for held in self._held.values()]
        self._held.clear()
        with ExitStack() as removing:
            for guest in guests:
                removing.callback(guest.remove)
