"""Many small guests on one host: one more after another, until there are as many as were asked for or memory ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from xenproof.errors import GuestError, XenproofError
from xenproof.guest.guest import READY, Guest
from xenproof.guest.lease import OVERHEAD_MIB, RESERVE_MIB
from xenproof.guest.life import BOOT_LIMIT_S
from xenproof.source.connection import Connection, quoted
from xenproof.xen.cost import Cost, read_cost
from xenproof.xen.domains import free_memory_mib

MOST = 100
SMALL_MIB = 128
"""The memory of each: with 96 MiB a Linux 6.1 did not come up."""
_ANSWER_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Arrival:
    """One more guest: how many there are with it, the seconds from creation to its ready line, and the cost then."""

    number: int
    seconds: float
    at_s: float
    cost: Cost


class Crowd:
    """The guests that run at the same time."""

    def __init__(self, make: Callable[[], Guest], dom0: Connection) -> None:
        """`make` makes a guest, which is not defined yet."""
        self._make, self._dom0 = make, dom0
        self._guests: list[Guest] = []
        self.arrivals: list[Arrival] = []
        self.empty: Cost | None = None
        self.problem = ""

    @property
    def names(self) -> list[str]:
        """The guests that came up."""
        return [guest.name for guest in self._guests[: len(self.arrivals)]]

    def fill(self, most: int = MOST) -> int:
        """Start guests until there are `most`, or as many as memory holds; how many that is to be.

        The first that does not come up is the last that is tried: `problem` says how far it came.
        """
        room = max(0, free_memory_mib(self._dom0) - RESERVE_MIB) // (SMALL_MIB + OVERHEAD_MIB)
        wanted = min(most, room)
        began = time.monotonic()
        self.empty = read_cost(self._dom0)
        while len(self._guests) < wanted and not self.problem:
            self._guests.append(guest := self._make())
            guest.define()
            boot = guest.boot(BOOT_LIMIT_S)
            # A session of ssh for each would be more than an sshd gives.
            guest.leave_console()
            if boot.reached == READY:
                at = time.monotonic() - began
                self.arrivals.append(Arrival(len(self._guests), boot.seconds, at, read_cost(self._dom0)))
            else:
                self.problem = f"guest {len(self._guests)}: {boot.reached}"
        return wanted

    def answering(self) -> list[str]:
        """The guests that answer when all of them are asked, now that all are there."""
        return [guest.name for guest in self._guests[: len(self.arrivals)] if self._answers(guest)]

    def _answers(self, guest: Guest) -> bool:
        assert guest.created is not None  # noqa: S101  # it came up
        tty = quoted(guest.created.tty)
        # What it has said unheard comes first, and may be much.
        script = f"exec 3<>{tty} && echo tell 1 >&3 && timeout {_ANSWER_LIMIT_S} grep -q -m 1 'XENPROOF1 told 1 ' <&3"
        return self._dom0.run(script, limit_s=_ANSWER_LIMIT_S + 30).exit_code == 0

    def close(self) -> None:
        """Remove all of them; raises the first error after trying all."""
        errors: list[XenproofError] = []
        while self._guests:
            try:
                self._guests.pop().remove()
            except XenproofError as error:
                errors.append(error)
        if errors:
            raise GuestError(f"{len(errors)} of the guests left something: {errors[0]}") from errors[0]
