"""The fixtures of checks with kernels that are packed in different ways."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from xenproof.errors import NotEvaluable
from xenproof.guest.boot_ways import dom0_kernel
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImages
from xenproof.guest.kernels import starts
from xenproof.guest.packed_kernel import Packing
from xenproof.guest.place import HostFolder
from xenproof.suite.care import Care
from xenproof.suite.make_guest import MakeGuest
from xenproof.xen.backend import DiskBackend

_FILESYSTEM = "ext4"
_PREFIX = "kernel_"
MakePacked = Callable[[str, bool], Guest]


@pytest.fixture
def _packed_guest(make_guest: MakeGuest, guest_images: GuestImages, host_folder: HostFolder, care: Care) -> MakePacked:
    """Makes a guest, by the name of the profile for its kernel, and whether that is a file of dom0."""

    def make(name: str, of_dom0: bool) -> Guest:
        try:
            packing = Packing(name.removeprefix(_PREFIX))
        except ValueError:
            known = ", ".join(f"{_PREFIX}{packing}" for packing in Packing)
            raise NotEvaluable(f"there is no {name!r}; expected one of {known}") from None
        image = guest_images(_FILESYSTEM, packing)
        start = dom0_kernel(image, host_folder, _FILESYSTEM) if of_dom0 else None
        by = f"{'a kernel of dom0' if of_dom0 else 'grub.xen'}, packed by {packing}"
        guest = make_guest(image, DiskBackend.BLKBACK, start, started_by=by)
        if of_dom0:
            guest.config = replace(guest.config, disks=())  # its kernel speaks without one
        care.take_over(guest).define()
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
