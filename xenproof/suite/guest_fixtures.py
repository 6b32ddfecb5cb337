"""The fixtures of checks that run guests: `guest_defined`, `guest_booted`, and the dimension `disk_backend`.

One guest for each disk backend serves all checks of a run that ask for it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xenproof.errors import GuestError, NotEvaluable, XenproofError
from xenproof.guest.guest import GONE, READY, Boot, Guest, remove_all
from xenproof.guest.image import GuestImage
from xenproof.guest.place import IMAGES, HostFolder
from xenproof.profile.expectation import Expectation
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.care import Care
from xenproof.suite.make_guest import MakeGuest
from xenproof.xen.backend import DiskBackend
from xenproof.xen.of_profile import takes_no_files

# A guest needs 25 s in an emulated host; seven minutes were seen while other work filled the machine below it.
BOOT_LIMIT_S = 600.0
SHUTDOWN_LIMIT_S = 120.0
SETTLE_LIMIT_S = 30.0


class Guests:
    """The guests of one worker on one host, by disk backend; each is made when the first check asks for it."""

    def __init__(self, make_guest: MakeGuest, image: GuestImage, folder: HostFolder) -> None:
        self._make_guest, self._image, self._folder = make_guest, image, folder
        self._guests: dict[DiskBackend, Guest | XenproofError] = {}
        self._entries: dict[DiskBackend, int] = {}

    def defined(self, backend: DiskBackend) -> Guest:
        """The guest with this backend; an error while it was defined is raised for each check that asks."""
        self._folder.enter()
        if self._entries.get(backend) != self._folder.entries:
            lost = self._guests.pop(backend, None)
            if isinstance(lost, Guest):
                lost.remove()
            self._entries[backend] = self._folder.entries
            self._guests[backend] = self._define(backend)
        guest = self._guests[backend]
        if isinstance(guest, XenproofError):
            raise GuestError(f"the guest on {backend} could not be defined: {guest}") from guest
        return guest

    def boot(self, guest: Guest) -> Boot:
        """Boot the guest, if it was not booted yet, and say how far it came."""
        return guest.boot(BOOT_LIMIT_S)

    def _define(self, backend: DiskBackend) -> Guest | XenproofError:
        try:
            guest = self._make_guest(self._image, backend)
            guest.define()
        except XenproofError as error:
            return error
        return guest

    def close(self) -> None:
        """Remove all guests; raises the last error after trying all."""
        remove_all(guest for guest in self._guests.values() if isinstance(guest, Guest))


@pytest.fixture(scope="session")
def host_folder(dom0: Connection, profile: Profile, run_folder: Path) -> Iterator[HostFolder]:
    """The folder on this host that holds the guests of this run, removed with the last worker."""
    images = profile.get("guest", "images", "path")
    path = images.text if images else IMAGES
    folder = HostFolder(dom0, run_folder, path, blkback_wants_devices=takes_no_files(profile))
    folder.enter()
    try:
        yield folder
    finally:
        folder.leave()


@pytest.fixture(scope="session")
def guests(make_guest: MakeGuest, guest_image: GuestImage, host_folder: HostFolder) -> Iterator[Guests]:
    """The witness guests on this host, all removed at the end."""
    made = Guests(make_guest, guest_image, host_folder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def disk_backend(expected: Expectation) -> DiskBackend:
    """The disk backend under test: the entry of the profile that the check is about, such as "qdisk"."""
    try:
        return DiskBackend(expected.name)
    except ValueError:
        raise NotEvaluable(
            f"{expected.where}: no disk backend is called {expected.name!r}; expected qdisk or blkback"
        ) from None


@pytest.fixture
def guest_defined(guests: Guests, disk_backend: DiskBackend, care: Care) -> Guest:
    """A guest with disk and configuration that may not run yet; what explains a failure is kept."""
    return care.take(guests.defined(disk_backend))


@pytest.fixture
def boot(guests: Guests, guest_defined: Guest) -> Callable[[], Boot]:
    """Boots the guest; for checks of booting, whose red is the host's."""
    return lambda: guests.boot(guest_defined)


@pytest.fixture
def guest_booted(guests: Guests, guest_defined: Guest) -> Guest:
    """A guest whose witness has answered; raises GuestError with the end of its console where it has not."""
    if (result := guests.boot(guest_defined)).reached != READY:
        raise GuestError(f"{guest_defined.name} on {guest_defined.backend} did not boot: {result.reached}")
    return guest_defined


@pytest.fixture
def guest_ended(guest_booted: Guest) -> Guest:
    """A guest that has shut itself down; raises GuestError where it is still there."""
    if (end := guest_booted.shut_down(SHUTDOWN_LIMIT_S)) != GONE:
        raise GuestError(f"{guest_booted.name} on {guest_booted.backend} did not shut down: {end}")
    return guest_booted
