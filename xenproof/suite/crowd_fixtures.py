"""The fixtures of checks with many guests: `crowd`, all that run at once; `still_guest`, one that never runs."""

from collections.abc import Iterator

import pytest

from xenproof.guest.crowd import Crowd, small
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.maker import GuestMaker
from xenproof.suite.make_guest import DescribeGuest
from xenproof.xen.backend import DiskBackend


@pytest.fixture
def small_guest(describe_guest: DescribeGuest, guest_image: GuestImage) -> GuestDescription:
    """A guest with little memory."""
    return small(describe_guest(guest_image, DiskBackend.BLKBACK))


@pytest.fixture
def crowd(make_guest: GuestMaker, small_guest: GuestDescription) -> Iterator[Crowd]:
    """As many guests as the check asks for, all removed at its end."""
    made = Crowd(lambda: make_guest(small_guest), make_guest.host.dom0)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def still_guest(own_guest: GuestMaker, small_guest: GuestDescription) -> Guest:
    """A guest that is defined and has not run."""
    guest = own_guest(small_guest)
    guest.define()
    return guest
