"""The fixtures of checks with many guests: `crowd`, all that run at once; `still_guest`, one that never runs."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from xenproof.guest.crowd import SMALL_MIB, Crowd
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.source.connection import Connection
from xenproof.suite.care import Care
from xenproof.suite.make_guest import MakeGuest
from xenproof.xen.backend import DiskBackend


@pytest.fixture
def small_guest(make_guest: MakeGuest, guest_image: GuestImage) -> Callable[[], Guest]:
    """Makes a guest with little memory that is not defined yet."""

    def make() -> Guest:
        guest = make_guest(guest_image, DiskBackend.BLKBACK)
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
    guest = care.take_over(small_guest())
    guest.define()
    return guest
