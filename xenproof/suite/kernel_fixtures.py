"""The fixtures of checks with kernels that are packed in different ways."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from xenproof.errors import NotEvaluable
from xenproof.guest.boot_ways import dom0_kernel
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImages
from xenproof.guest.kernels import starts
from xenproof.guest.maker import GuestMaker
from xenproof.guest.packed_kernel import Packing
from xenproof.suite.make_guest import DescribeGuest
from xenproof.xen.backend import DiskBackend

_FILESYSTEM = "ext4"
_PREFIX = "kernel_"
MakePacked = Callable[[str, bool], Guest]


@pytest.fixture
def _packed_guest(own_guest: GuestMaker, describe_guest: DescribeGuest, guest_images: GuestImages) -> MakePacked:
    """Makes a guest, by the name of the profile for its kernel, and whether that is a file of dom0."""

    def make(name: str, of_dom0: bool) -> Guest:
        try:
            packing = Packing(name.removeprefix(_PREFIX))
        except ValueError:
            known = ", ".join(f"{_PREFIX}{packing}" for packing in Packing)
            raise NotEvaluable(f"there is no {name!r}; expected one of {known}") from None
        image = guest_images(_FILESYSTEM, packing)
        if of_dom0:
            start = dom0_kernel(image, own_guest.host.folder, _FILESYSTEM)
            # Its kernel speaks without a disk.
            description = GuestDescription(image, DiskBackend.BLKBACK, start, "a kernel of dom0", disks=())
        else:
            description = describe_guest(image, DiskBackend.BLKBACK)
        guest = own_guest(replace(description, started_by=f"{description.started_by}, packed by {packing}"))
        guest.define()
        return guest

    return make


@pytest.fixture
def starts_kernel_by_grub_xen(_packed_guest: MakePacked) -> Callable[[str], bool]:
    """Whether grub.xen starts the kernel of this name in the profile."""
    return lambda name: starts(_packed_guest(name, False))


@pytest.fixture
def starts_kernel_by_xl(_packed_guest: MakePacked) -> Callable[[str], bool]:
    """Whether xl starts the kernel of this name in the profile from a file of dom0."""
    return lambda name: starts(_packed_guest(name, True))
