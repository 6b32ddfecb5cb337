"""The fixtures of checks with kernels that are packed in different ways."""

from collections.abc import Callable

import pytest

from xenproof.errors import NotEvaluable
from xenproof.guest.boot_ways import dom0_kernel
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImages
from xenproof.guest.kernels import starts
from xenproof.guest.packed_kernel import Packing
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.care import Care
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.suite.plugin import STATE
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start

_FILESYSTEM = "ext4"
_PREFIX = "kernel_"
MakeGuest = Callable[[str, bool], Guest]


@pytest.fixture
def _packed_guest(
    dom0: Connection, profile: Profile, guest_images: GuestImages, host_folder: HostFolder, care: Care,
    pytestconfig: pytest.Config,
) -> MakeGuest:  # fmt: skip
    """Makes a guest, by the name of the profile for its kernel, and whether that is a file of dom0."""

    def make(name: str, of_dom0: bool) -> Guest:
        try:
            packing = Packing(name.removeprefix(_PREFIX))
        except ValueError:
            known = ", ".join(f"{_PREFIX}{packing}" for packing in Packing)
            raise NotEvaluable(f"there is no {name!r}; expected one of {known}") from None
        image = guest_images(_FILESYSTEM, packing)
        start = dom0_kernel(image, host_folder, _FILESYSTEM) if of_dom0 else Start(grub_xen_of(profile))
        by = f"{'a kernel of dom0' if of_dom0 else 'grub.xen'}, packed by {packing}"
        began = pytestconfig.stash[STATE].began
        guest = Guest(dom0, host_folder, image, DiskBackend.BLKBACK, start, began, started_by=by)
        care.take(guest, lambda _: guest.remove()).define()
        return guest

    return make


@pytest.fixture
def starts_kernel_by_grub_xen(_packed_guest: MakeGuest) -> Callable[[str], bool]:
    """Whether grub.xen starts the kernel of this name in the profile."""
    return lambda name: starts(_packed_guest(name, False))


@pytest.fixture
def starts_kernel_by_xl(_packed_guest: MakeGuest) -> Callable[[str], bool]:
    """Whether xl starts the kernel of this name in the profile from a file of dom0."""
    return lambda name: starts(_packed_guest(name, True))
