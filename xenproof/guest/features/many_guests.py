"""Many small guests on one host: started one after the other, up to a number or until memory is used up."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from xenproof.guest.actions.running_guest import BOOT_LIMIT_S
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
"""The memory of each guest: with 96 MiB a Linux 6.1 did not boot."""
AT_ONCE = 3
"""How many guests start at the same time: on a host with two processors, two boot while xl creates the next."""
_TURN_S = 0.1
_ANSWER_LIMIT_S = 60


def small(description: GuestDescription) -> GuestDescription:
    """The same guest with little memory; it leases no processor, as many guests are meant to share one."""
    return replace(description, memory_mib=SMALL_MIB, leases_processors=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One more guest that is ready.

    `number` counts the ready guests, `seconds` is from its creation to its ready line, `at_s` from the start of the
    first guest, `cost` is the host's then.
    """

    number: int
    seconds: float
    at_s: float
    cost: Cost


class ManyGuests:
    """Many guests that run at the same time on one host."""

    def __init__(
        self, make: Callable[[], Guest], dom0: Connection, at_once: Callable[[], int] = lambda: AT_ONCE
    ) -> None:
        """`make` makes a guest, which is not defined yet; `at_once` returns how many the host can start at once now."""
        self._dom0, self._at_once = dom0, at_once
        self._guests: list[Guest] = []
        self._pool: GuestPool[int, Guest] = GuestPool(lambda _: make(), _started)
        self._up: list[Guest] = []
        self.arrivals: list[Arrival] = []
        self.empty: Cost | None = None
        self.problem = ""

    @property
    def names(self) -> list[str]:
        """The names of the guests that are ready."""
        return [guest.name for guest in self._up]

    def fill(self, most: int = MOST) -> int:
        """Start guests until there are `most`, or as many as fit into memory; returns the planned number.

        Stops starting guests after one has not become ready: `problem` says how far that one booted.
        """
        room = max(0, free_memory_mib(self._dom0) - RESERVE_MIB) // (SMALL_MIB + OVERHEAD_MIB)
        wanted = min(most, room)
        began = time.monotonic()
        self.empty = read_cost(self._dom0)
        booting: list[Guest] = []
        with ThreadPoolExecutor(1) as starter:
            while booting or self._needs_more(wanted):
                if len(booting) < min(AT_ONCE, self._at_once()) and self._needs_more(wanted):
                    booting.append(self._begin(starter, booting))
                else:
                    self._take(_first(booting), began)
        return wanted

    def _needs_more(self, wanted: int) -> bool:
        return len(self._guests) < wanted and not self.problem

    def _begin(self, starter: Executor, booting: Sequence[Guest]) -> Guest:
        """Start one more guest, and read the consoles of the booting ones meanwhile, so that their times are exact."""
        starting = starter.submit(self._start)
        _read_consoles(booting, lambda: not wait([starting], _TURN_S).not_done)
        return starting.result()

    def _start(self) -> Guest:
        self._guests.append(guest := self._pool.lend(len(self._guests)))
        return guest

    def _take(self, guest: Guest, began: float) -> None:
        boot = guest.come_up(BOOT_LIMIT_S)
        # One ssh session for each guest would exceed the limit of an sshd.
        guest.leave_console()
        if boot.reached == READY:
            self._up.append(guest)
            at = time.monotonic() - began
            self.arrivals.append(Arrival(len(self._up), boot.seconds, at, read_cost(self._dom0)))
        else:
            self.problem = self.problem or f"guest {self._guests.index(guest) + 1}: {boot.reached}"

    def answering(self) -> list[str]:
        """The names of the ready guests that still answer, each one asked now."""
        return [guest.name for guest in self._up if self._answers(guest)]

    def _answers(self, guest: Guest) -> bool:
        tty = quoted(guest.residence.tty)
        # Unread output comes first, and may be long.  The shell that opens the tty leads its session, so the tty is its
        # terminal then, and a background process that reads it is stopped: timeout must leave grep in the foreground.
        wait = f"timeout --foreground {_ANSWER_LIMIT_S}"
        script = f"exec 3<>{tty} && echo tell 1 >&3 && {wait} grep -q -m 1 'XENPROOF1 told 1 ' <&3"
        return self._dom0.run(script, limit_s=_ANSWER_LIMIT_S + 30).exit_code == 0

    def close(self) -> None:
        """Remove all guests; raises the last error after trying all."""
        self._guests.clear()
        self._pool.close()


def _started(guest: Guest) -> Guest:
    guest.define()
    guest.start(BOOT_LIMIT_S)
    return guest


def _first(booting: list[Guest]) -> Guest:
    """Remove from `booting` and return the first guest that is ready, has ended or took too long."""
    _read_consoles(booting, lambda: any(not guest.is_coming_up() for guest in booting))
    first = next((guest for guest in booting if not guest.is_coming_up()), booting[0])
    booting.remove(first)
    return first


def _read_consoles(guests: Sequence[Guest], until: Callable[[], bool]) -> None:
    """Read the consoles of booting guests, in turn, until `until()` holds or the limit of a boot is reached."""
    deadline = time.monotonic() + BOOT_LIMIT_S
    while not until() and time.monotonic() < deadline:
        for guest in guests:
            guest.console.pump(_TURN_S)
