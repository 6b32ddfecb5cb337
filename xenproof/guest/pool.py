"""A pool of guests: each is made at its first use, made again where it was lost, and removed at the end."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Generic, TypeVar

from xenproof.errors import XenproofError
from xenproof.guest.guest import Guest

Key = TypeVar("Key")
Ready = TypeVar("Ready")
Afterwards = Callable[[bool], None]
Entrust = Callable[[Guest, Afterwards], object]
"""Handles the teardown of a lent guest: then calls its second argument with whether the guest is kept for the user."""


def _not_entrusted(guest: Guest, afterwards: Afterwards) -> None:
    """Do nothing: the guest has no teardown."""


class _Held(Generic[Ready]):
    """A guest of the pool; `outcome` is what `prepare` returned or raised, None before it was called."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.outcome: Ready | XenproofError | None = None


class GuestPool(Generic[Key, Ready]):
    """The guests of one worker on one host, by key."""

    def __init__(
        self, make: Callable[[Key], Guest], prepare: Callable[[Guest], Ready],
        is_well: Callable[[Ready], bool] | None = None,
    ) -> None:  # fmt: skip
        """`make` makes a guest, which is not defined yet; `prepare` returns the object that `lend` hands out.

        An error of `prepare` is raised again by each `lend`.  Give `is_well` where a borrower may end the guest: a
        guest that is not well, or could not be prepared, is then made again, and one that is kept for the user leaves
        the pool, so that it stays as it is.
        """
        self._make, self._prepare, self._is_well = make, prepare, is_well
        self._held: dict[Key, _Held[Ready]] = {}

    def lend(self, key: Key, entrust: Entrust = _not_entrusted) -> Ready:
        """The prepared guest of `key`; `entrust` is called before `prepare`, so that a failure of it has logs, too."""
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
        """Whether the guest can be lent again as it is."""
        if held.guest.is_lost():
            return False
        if self._is_well is None:
            return True
        return not (held.outcome is None or isinstance(held.outcome, XenproofError)) and self._is_well(held.outcome)

    def _afterwards(self, key: Key, kept: bool) -> None:
        if kept and self._is_well is not None and key in self._held:
            self.remove(key)

    def remove(self, key: Key) -> None:
        """Remove the guest of `key` from the pool, and from its host unless it is kept; `lend` makes another."""
        self._held.pop(key).guest.remove()

    def close(self) -> None:
        """Remove all guests; raises the last error after trying all."""
        guests = [held.guest for held in self._held.values()]
        self._held.clear()
        with ExitStack() as removing:
            for guest in guests:
                removing.callback(guest.remove)
