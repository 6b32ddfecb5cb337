"""Many small guests on one host: one more after another, until there are as many as were asked for or memory ends."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from xenproof.guest.actions.life import BOOT_LIMIT_S
from xenproof.guest.boot_progress import READY
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.lease import OVERHEAD_MIB, RESERVE_MIB
from xenproof.guest.pool import GuestPool
from xenproof.source.connection import Connection, quoted
from xenproof.xen.cost import Cost, read_cost
from xenproof.xen.domains import free_memory_mib

MOST = 100
SMALL_MIB = 128
"""The memory of each: with 96 MiB a Linux 6.1 did not come up."""
AT_ONCE = 3
"""So many are on their way at the same time: where a host has two processors, two boot while xl creates the next."""
_TURN_S = 0.1
_ANSWER_LIMIT_S = 60


def small(description: GuestDescription) -> GuestDescription:
    """The same guest with little memory; it leases no processor, as that many share one is what is tried."""
    return replace(description, memory_mib=SMALL_MIB, leases_processors=False)


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
        self._dom0 = dom0
        self._guests: list[Guest] = []
        self._pool: GuestPool[int, Guest] = GuestPool(lambda _: make(), _started)
        self._up: list[Guest] = []
        self.arrivals: list[Arrival] = []
        self.empty: Cost | None = None
        self.problem = ""

    @property
    def names(self) -> list[str]:
        """The guests that came up."""
        return [guest.name for guest in self._up]

    def fill(self, most: int = MOST) -> int:
        """Start guests until there are `most`, or as many as memory holds; how many that is to be.

        None is started any more when one has not come up: `problem` says how far that came.
        """
        room = max(0, free_memory_mib(self._dom0) - RESERVE_MIB) // (SMALL_MIB + OVERHEAD_MIB)
        wanted = min(most, room)
        began = time.monotonic()
        self.empty = read_cost(self._dom0)
        coming: list[Guest] = []
        with ThreadPoolExecutor(1) as starter:
            while coming or self._lacks(wanted):
                if len(coming) < AT_ONCE and self._lacks(wanted):
                    coming.append(self._begin(starter, coming))
                else:
                    self._take(_first(coming), began)
        return wanted

    def _lacks(self, wanted: int) -> bool:
        return len(self._guests) < wanted and not self.problem

    def _begin(self, starter: Executor, coming: Sequence[Guest]) -> Guest:
        """One more, started while those that come up are heard: when they are ready is when they say so."""
        starting = starter.submit(self._start)
        _hear(coming, lambda: not wait([starting], _TURN_S).not_done)
        return starting.result()

    def _start(self) -> Guest:
        self._guests.append(guest := self._pool.lend(len(self._guests)))
        return guest

    def _take(self, guest: Guest, began: float) -> None:
        boot = guest.come_up(BOOT_LIMIT_S)
        # A session of ssh for each would be more than an sshd gives.
        guest.leave_console()
        if boot.reached == READY:
            self._up.append(guest)
            at = time.monotonic() - began
            self.arrivals.append(Arrival(len(self._up), boot.seconds, at, read_cost(self._dom0)))
        else:
            self.problem = self.problem or f"guest {self._guests.index(guest) + 1}: {boot.reached}"

    def answering(self) -> list[str]:
        """The guests that answer when all of them are asked, now that all are there."""
        return [guest.name for guest in self._up if self._answers(guest)]

    def _answers(self, guest: Guest) -> bool:
        tty = quoted(guest.residence.tty)
        # What it has said unheard comes first, and may be much.  The shell that opens the tty leads its session, whose
        # terminal that is then, and whoever reads it in the background is stopped: timeout must not put grep there.
        wait = f"timeout --foreground {_ANSWER_LIMIT_S}"
        script = f"exec 3<>{tty} && echo tell 1 >&3 && {wait} grep -q -m 1 'XENPROOF1 told 1 ' <&3"
        return self._dom0.run(script, limit_s=_ANSWER_LIMIT_S + 30).exit_code == 0

    def close(self) -> None:
        """Remove all of them; raises the last error after trying all."""
        self._guests.clear()
        self._pool.close()


def _started(guest: Guest) -> Guest:
    guest.define()
    guest.start(BOOT_LIMIT_S)
    return guest


def _first(coming: list[Guest]) -> Guest:
    """The first of them that is ready or has ended, or that took too long; it is none of them any more."""
    _hear(coming, lambda: any(not guest.is_coming_up() for guest in coming))
    first = next((guest for guest in coming if not guest.is_coming_up()), coming[0])
    coming.remove(first)
    return first


def _hear(guests: Sequence[Guest], until: Callable[[], bool]) -> None:
    """Read the consoles of guests that come up, in turn, until `until()` holds, as long as a boot may take."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while not until() and time.monotonic() < deadline:
        for guest in guests:
            guest.console.pump(_TURN_S)
