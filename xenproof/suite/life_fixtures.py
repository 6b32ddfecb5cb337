"""The fixtures of checks that do things to a guest while it runs: `life`, one guest for all of them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.life import Life, lively
from xenproof.guest.logs import guest_logs
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.evidence import Evidence
from xenproof.suite.failed import has_failed
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.suite.kept_guests import Keep
from xenproof.suite.plugin import STATE
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start
from xenproof.xen.toolstack import Libvirt


class Lives:
    """The guest that is alive, one after another."""

    def __init__(self, make: Callable[[], Guest], run_folder: Path) -> None:
        """`make` makes a guest, which is not defined yet."""
        self._make, self._run_folder = make, run_folder
        self._guests: list[Guest] = []
        self._life: Life | None = None

    def current(self) -> Life:
        """The one that is alive, or a new one where what was done to the last one was its end.

        Raises GuestError where that does not boot.
        """
        if self._life is None or not self._life.is_well():
            self.close()
            self._guests.append(guest := self._make())
            self._life = lively(guest, self._run_folder)
        return self._life

    def close(self) -> None:
        """Remove it, or let it go where it is kept; the next check gets another one."""
        self._life = None
        while self._guests:
            self._guests.pop().remove()


@pytest.fixture(scope="session")
def lives(
    dom0: Connection, profile: Profile, guest_image: GuestImage, host_folder: HostFolder, run_folder: Path,
    pytestconfig: pytest.Config,
) -> Iterator[Lives]:  # fmt: skip
    """Gives the guest of xl that is alive, on this host."""
    start, began = Start(grub_xen_of(profile)), pytestconfig.stash[STATE].began
    made = Lives(lambda: Guest(dom0, host_folder, guest_image, DiskBackend.BLKBACK, start, began), run_folder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def managed_lives(
    dom0: Connection, profile: Profile, guest_image: GuestImage, host_folder: HostFolder, run_folder: Path,
    pytestconfig: pytest.Config,
) -> Iterator[Lives]:  # fmt: skip
    """Gives the guest of libvirt that is alive, on this host."""
    start, began = Start(grub_xen_of(profile)), pytestconfig.stash[STATE].began

    def make() -> Guest:
        return Guest(dom0, host_folder, guest_image, DiskBackend.QDISK, start, began, toolstack=Libvirt())

    made = Lives(make, run_folder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def life(lives: Lives, evidence: Evidence, keep: Keep, request: pytest.FixtureRequest) -> Iterator[Life]:
    """A guest that runs and answers; what explains a failure is kept."""
    yield from _lent(lives, evidence, keep, request)


@pytest.fixture
def managed_life(
    managed_lives: Lives, evidence: Evidence, keep: Keep, request: pytest.FixtureRequest
) -> Iterator[Life]:
    """A guest of libvirt that runs and answers; what explains a failure is kept."""
    yield from _lent(managed_lives, evidence, keep, request)


def _lent(lives: Lives, evidence: Evidence, keep: Keep, request: pytest.FixtureRequest) -> Iterator[Life]:
    found = lives.current()
    before = set(found.guest.line.steps)
    yield found
    found.guest.console.drain()
    if has_failed(request.node):
        for name, data in guest_logs(found.guest):
            evidence.save(name, data)
    if set(found.guest.line.steps) != before:
        request.node.user_properties.append(("guest", json.dumps(asdict(found.guest.line))))
    if keep(found.guest):
        lives.close()
