"""The fixtures by which checks get guests on their host: `describe_guest`, `make_guest` and `own_guest`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xenproof.guest.description import GuestDescription
from xenproof.guest.host import GuestHost
from xenproof.guest.image import GuestImage
from xenproof.guest.maker import GuestMaker
from xenproof.guest.run_identity import RunIdentity
from xenproof.guest.working_folder import IMAGES
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.suite.guest_teardown import GuestTeardown
from xenproof.suite.state import STATE
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start
from xenproof.xen.of_profile import takes_no_files

DescribeGuest = Callable[[GuestImage, DiskBackend], GuestDescription]


@pytest.fixture(scope="session")
def guest_host(
    dom0: Connection, profile: Profile, run_folder: Path, pytestconfig: pytest.Config
) -> Iterator[GuestHost]:
    """The host as guests see it; its working folder, which holds those of this run, is removed with the last worker."""
    images = profile.get("guest", "images", "path")
    path = images.text if images else IMAGES
    run = RunIdentity.of(run_folder, pytestconfig.stash[STATE].began)
    host = GuestHost(dom0, run, path, blkback_wants_devices=takes_no_files(profile))
    host.enter()
    try:
        yield host
    finally:
        host.leave()


@pytest.fixture(scope="session")
def describe_guest(profile: Profile) -> DescribeGuest:
    """Describes a guest that grub.xen starts; raises NotEvaluable where the profile does not say where that is."""
    return lambda image, backend: GuestDescription(image, backend, Start(grub_xen_of(profile)))


@pytest.fixture(scope="session")
def make_guest(guest_host: GuestHost) -> GuestMaker:
    """Makes guests on this host; who asks for one removes it."""
    return GuestMaker(guest_host)


@pytest.fixture
def own_guest(guest_host: GuestHost, guest_teardown: GuestTeardown) -> GuestMaker:
    """Makes guests for one check, which are removed after it."""
    return GuestMaker(guest_host, guest_teardown.take_over)
