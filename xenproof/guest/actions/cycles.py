"""Creating and destroying one guest again and again, and what the host has afterwards that it did not have before."""

from dataclasses import dataclass

from xenproof.errors import GuestError
from xenproof.guest.guest import Guest
from xenproof.xen.acting import destroy

CYCLES = 100
LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Change:
    """What the host has more and what it has less than before."""

    done: int
    more: tuple[str, ...]
    less: tuple[str, ...]


def cycle(guest: Guest, times: int = CYCLES) -> Change:
    """Create the domain of a guest that is defined, and destroy it, so often; it never runs.

    Raises GuestError where a domain does not come or does not go.
    """
    # The first guest of a host brings libxl's list of the numbers that domains had, which is the host's own.
    _once(guest, 0)
    before = guest.host.snapshot()
    for number in range(1, times + 1):
        _once(guest, number)
    guest.leftovers(30.0, with_files=False)  # the last one settles
    after = guest.host.snapshot()
    return Change(times, tuple(map(str, sorted(after - before))), tuple(map(str, sorted(before - after))))


def _once(guest: Guest, number: int) -> None:
    created = guest.create(LIMIT_S)
    if created.domid < 1:
        raise GuestError(f"cycle {number}: {guest.name} was not created: {created.problem[-300:]}")
    if not destroy(guest.dom0, guest.name, LIMIT_S):
        raise GuestError(f"cycle {number}: {guest.name} is still in xl list {LIMIT_S:.0f} s after xl destroy")
    guest.give_back()
