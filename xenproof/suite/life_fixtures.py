"""The fixtures of checks that do things to a guest while it runs: `life`, one guest for all of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from xenproof.guest.durability import give_disks
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.life import Life, lively, set_to_restart
from xenproof.suite.care import Care
from xenproof.suite.make_guest import MakeGuest
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import Libvirt, Toolstack, Xl


def _restarts_with_disks(guest: Guest) -> None:
    set_to_restart(guest)
    give_disks(guest)


def _stays_when_it_crashes(guest: Guest) -> None:
    guest.config = replace(guest.config, on_crash="preserve")


class Lives:
    """The guest that is alive, one after another."""

    def __init__(self, make: Callable[[], Guest]) -> None:
        """`make` makes a guest, which is not defined yet."""
        self._make = make
        self._guests: list[Guest] = []
        self._life: Life | None = None

    def lend(self, care: Care) -> Life:
        """The one that is alive, or a new one where what was done to the last one was its end.

        Raises GuestError where that does not boot.
        """
        if self._life is not None and not self._life.guest.is_lost() and self._life.is_well():
            self._entrust(self._life.guest, care)
            return self._life
        self.close()
        self._guests.append(guest := self._make())
        self._entrust(guest, care)
        self._life = lively(guest)
        return self._life

    def _entrust(self, guest: Guest, care: Care) -> None:
        # One that the user wants to look at is let go, so that nothing more is done to it.
        care.take(guest, lambda kept: self.close() if kept else None)

    def close(self) -> None:
        """Remove it, or let it go where it is kept; the next check gets another one."""
        self._life = None
        while self._guests:
            self._guests.pop().remove()


MakeLives = Callable[[DiskBackend, Toolstack, Callable[[Guest], None]], Lives]


@pytest.fixture(scope="session")
def _lives(make_guest: MakeGuest, guest_image: GuestImage) -> Iterator[MakeLives]:
    """Makes what gives a guest that is alive: its disk's backend, its toolstack, and what else it gets."""
    with ExitStack() as held:

        def of(backend: DiskBackend, toolstack: Toolstack, prepare: Callable[[Guest], None]) -> Lives:
            def make() -> Guest:
                guest = make_guest(guest_image, backend, toolstack=toolstack)
                prepare(guest)
                return guest

            made = Lives(make)
            held.callback(made.close)
            return made

        yield of


@pytest.fixture(scope="session")
def lives(_lives: MakeLives) -> Lives:
    """Gives the guest of xl that is alive."""
    return _lives(DiskBackend.BLKBACK, Xl(), set_to_restart)


@pytest.fixture(scope="session")
def preserved_lives(_lives: MakeLives) -> Lives:
    """Gives the guest of xl that is alive and is kept when it crashes."""
    return _lives(DiskBackend.BLKBACK, Xl(), _stays_when_it_crashes)


@pytest.fixture(scope="session")
def managed_lives(_lives: MakeLives) -> Lives:
    """Gives the guest of libvirt that is alive."""
    return _lives(DiskBackend.QDISK, Libvirt(), set_to_restart)


@pytest.fixture(scope="session")
def disk_lives(_lives: MakeLives) -> Lives:
    """Gives the guest that is alive and has disks of all kinds."""
    return _lives(DiskBackend.BLKBACK, Xl(), _restarts_with_disks)


@pytest.fixture
def life(lives: Lives, care: Care) -> Life:
    """A guest that runs and answers; what explains a failure is kept."""
    return lives.lend(care)


@pytest.fixture
def preserved_life(preserved_lives: Lives, care: Care) -> Life:
    """A guest that runs, answers, and is kept when it crashes; what explains a failure is kept."""
    return preserved_lives.lend(care)


@pytest.fixture
def managed_life(managed_lives: Lives, care: Care) -> Life:
    """A guest of libvirt that runs and answers; what explains a failure is kept."""
    return managed_lives.lend(care)


@pytest.fixture
def disk_life(disk_lives: Lives, care: Care) -> Life:
    """A guest with disks of all kinds that runs and answers; what explains a failure is kept."""
    return disk_lives.lend(care)
