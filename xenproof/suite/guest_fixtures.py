"""The fixtures of checks that run guests: `guest_defined`, `guest_booted`, and the dimension `disk_backend`.

One guest for each disk backend serves all checks of a run that ask for it.
"""

from collections.abc import Callable, Iterator

import pytest

from xenproof.errors import GuestError, NotEvaluable, XenproofError
from xenproof.guest.boot_progress import READY, BootProgress
from xenproof.guest.guest import GONE, Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.maker import GuestMaker
from xenproof.guest.pool import GuestPool
from xenproof.profile.expectation import Expectation
from xenproof.suite.guest_teardown import GuestTeardown
from xenproof.suite.make_guest import DescribeGuest
from xenproof.xen.backend import DiskBackend

# A guest needs 25 s in an emulated host; seven minutes were seen while other work filled the machine below it.
BOOT_LIMIT_S = 600.0
SHUTDOWN_LIMIT_S = 120.0
SETTLE_LIMIT_S = 30.0


Guests = GuestPool[DiskBackend, Guest]


@pytest.fixture(scope="session")
def guests(make_guest: GuestMaker, describe_guest: DescribeGuest, guest_image: GuestImage) -> Iterator[Guests]:
    """The witness guests on this host, which are defined and may not run yet; all are removed at the end."""

    def make(backend: DiskBackend) -> Guest:
        try:
            return make_guest(describe_guest(guest_image, backend))
        except XenproofError as error:
            raise _not_defined(backend, error) from error

    pool = GuestPool(make, _defined)
    try:
        yield pool
    finally:
        pool.close()


def _defined(guest: Guest) -> Guest:
    try:
        guest.define()
    except XenproofError as error:
        raise _not_defined(guest.description.backend, error) from error
    return guest


def _not_defined(backend: DiskBackend, error: XenproofError) -> GuestError:
    return GuestError(f"the guest on {backend} could not be defined: {error}")


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
def guest_defined(guests: Guests, disk_backend: DiskBackend, guest_teardown: GuestTeardown) -> Guest:
    """A guest with disk and configuration that may not run yet; what explains a failure is kept."""
    return guests.lend(disk_backend, guest_teardown.take)


@pytest.fixture
def boot(guest_defined: Guest) -> Callable[[], BootProgress]:
    """Boots the guest; for checks of booting, whose red is the host's."""
    return lambda: guest_defined.boot(BOOT_LIMIT_S)


@pytest.fixture
def guest_booted(guest_defined: Guest) -> Guest:
    """A guest whose witness has answered; raises GuestError with the end of its console where it has not."""
    if (result := guest_defined.boot(BOOT_LIMIT_S)).reached != READY:
        raise GuestError(f"{guest_defined.name} on {guest_defined.description.backend} did not boot: {result.reached}")
    return guest_defined


@pytest.fixture
def guest_ended(guest_booted: Guest) -> Guest:
    """A guest that has shut itself down; raises GuestError where it is still there."""
    if (end := guest_booted.shut_down(SHUTDOWN_LIMIT_S)) != GONE:
        raise GuestError(f"{guest_booted.name} on {guest_booted.description.backend} did not shut down: {end}")
    return guest_booted
