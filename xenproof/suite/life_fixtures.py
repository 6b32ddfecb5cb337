"""The fixtures of checks that do things to a guest while it runs: `life`, one guest for all of them."""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum, auto

import pytest

from xenproof.guest.description import GuestDescription
from xenproof.guest.durability import with_disks_of_each_kind
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.life import Life, lively, set_to_restart
from xenproof.guest.maker import GuestMaker
from xenproof.guest.pool import GuestPool
from xenproof.suite.guest_teardown import GuestTeardown
from xenproof.suite.make_guest import DescribeGuest
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import Libvirt


class Kind(Enum):
    """What a guest is to which things are done."""

    OF_XL = auto()
    PRESERVED = auto()
    OF_LIBVIRT = auto()
    WITH_DISKS = auto()


Lives = GuestPool[Kind, Life]


def _described(kind: Kind, describe: DescribeGuest, image: GuestImage) -> GuestDescription:
    match kind:
        case Kind.OF_XL:
            return set_to_restart(describe(image, DiskBackend.BLKBACK))
        case Kind.PRESERVED:
            return replace(describe(image, DiskBackend.BLKBACK), on_crash="preserve")
        case Kind.OF_LIBVIRT:
            return replace(set_to_restart(describe(image, DiskBackend.QDISK)), toolstack=Libvirt())
        case Kind.WITH_DISKS:
            return with_disks_of_each_kind(set_to_restart(describe(image, DiskBackend.BLKBACK)))


@pytest.fixture(scope="session")
def lives(make_guest: GuestMaker, describe_guest: DescribeGuest, guest_image: GuestImage) -> Iterator[Lives]:
    """The guests that are alive; what is done to one may be its end, and the next check gets another one."""

    def make(kind: Kind) -> Guest:
        return make_guest(_described(kind, describe_guest, guest_image))

    pool = GuestPool(make, lively, Life.is_well)
    try:
        yield pool
    finally:
        pool.close()


@pytest.fixture
def life(lives: Lives, guest_teardown: GuestTeardown) -> Life:
    """A guest that runs and answers; what explains a failure is kept."""
    return lives.lend(Kind.OF_XL, guest_teardown.take)


@pytest.fixture
def preserved_life(lives: Lives, guest_teardown: GuestTeardown) -> Life:
    """A guest that runs, answers, and is kept when it crashes; what explains a failure is kept."""
    return lives.lend(Kind.PRESERVED, guest_teardown.take)


@pytest.fixture
def managed_life(lives: Lives, guest_teardown: GuestTeardown) -> Life:
    """A guest of libvirt that runs and answers; what explains a failure is kept."""
    return lives.lend(Kind.OF_LIBVIRT, guest_teardown.take)


@pytest.fixture
def disk_life(lives: Lives, guest_teardown: GuestTeardown) -> Life:
    """A guest with disks of all kinds that runs and answers; what explains a failure is kept."""
    return lives.lend(Kind.WITH_DISKS, guest_teardown.take)
