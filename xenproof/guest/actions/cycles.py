"""Creates and destroys one guest repeatedly, and compares the host before and afterwards."""

from dataclasses import dataclass

from xenproof.errors import GuestError
from xenproof.guest.guest import Guest
from xenproof.plain import first_lines
from xenproof.xen.domain_control import destroy

CYCLES = 100
LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Change:
    """What was added to the host and what was removed from it during `done` cycles."""

    done: int
    more: tuple[str, ...]
    less: tuple[str, ...]


def cycle(guest: Guest, times: int = CYCLES) -> Change:
    """Create the domain of a defined guest and destroy it, `times` times; it never runs.

    Raises GuestError where a domain is not created or not destroyed.
    """
    # With the first guest of a host, libxl makes its list of former domain numbers, which is no leftover of a guest.
    _once(guest, 0)
    before = guest.host.snapshot()
    for number in range(1, times + 1):
        _once(guest, number)
    guest.leftovers(30.0, with_files=False)  # waits until the last one has disappeared
    after = guest.host.snapshot()
    return Change(times, tuple(map(str, sorted(after - before))), tuple(map(str, sorted(before - after))))


def _once(guest: Guest, number: int) -> None:
    created = guest.create(LIMIT_S)
    if created.domid < 1:
        raise GuestError(f"cycle {number}: {guest.name} was not created: {first_lines(created.problem, 300)}")
    if not destroy(guest.dom0, guest.name, LIMIT_S):
        raise GuestError(f"cycle {number}: {guest.name} is still in xl list {LIMIT_S:.0f} s after xl destroy")
    guest.give_back()
