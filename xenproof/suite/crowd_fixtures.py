"""The fixtures of checks with many guests: `crowd`, all that run at once; `still_guest`, one that never runs."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from xenproof.guest.crowd import SMALL_MIB, Crowd
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.care import Care
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.suite.plugin import STATE
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start


@pytest.fixture
def small_guest(
    dom0: Connection, profile: Profile, guest_image: GuestImage, host_folder: HostFolder, pytestconfig: pytest.Config
) -> Callable[[], Guest]:
    """Makes a guest with little memory that is not defined yet."""
    start, began = Start(grub_xen_of(profile)), pytestconfig.stash[STATE].began

    def make() -> Guest:
        guest = Guest(dom0, host_folder, guest_image, DiskBackend.BLKBACK, start, began)
        guest.config = replace(guest.config, memory_mib=SMALL_MIB)
        guest.leases_processors = False  # that many of them share one is what is tried
        return guest

    return make


@pytest.fixture
def crowd(dom0: Connection, small_guest: Callable[[], Guest]) -> Iterator[Crowd]:
    """As many guests as the check asks for, all removed at its end."""
    made = Crowd(small_guest, dom0)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def still_guest(small_guest: Callable[[], Guest], care: Care) -> Guest:
    """A guest that is defined and has not run."""
    guest = care.take(small_guest(), lambda _: guest.remove())
    guest.define()
    return guest
