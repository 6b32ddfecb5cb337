"""The fixtures of checks that start guests in different ways: `guest_of_way`, `vhd_guest`, `installed_guest`."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from xenproof.facts.xl import XlInfo
from xenproof.guest.boot_ways import BootWay, By, described, install_grub
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage, GuestImages
from xenproof.guest.maker import GuestMaker
from xenproof.guest.virt_install import by_virt_install
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.suite.make_guest import DescribeGuest
from xenproof.xen.backend import DiskBackend

_NEEDS = {By.PVH_GRUB: "grub_pvh", By.HVM_GRUB: "grub_pc"}
GuestOfWay = Callable[[BootWay], Guest]


@pytest.fixture
def guest_of_way(
    own_guest: GuestMaker, profile: Profile, guest_images: GuestImages, recording: Recording, hypervisor: XlInfo
) -> GuestOfWay:
    """Makes the guest that is to be started in a way; removed at the end of the check."""

    def make(way: BootWay) -> Guest:
        paths = {}
        for name in ("grub_xen", "grub_pvh", "grub_pc"):
            path = profile.get("guest", name, "path")
            paths[name] = path.text if path else ""
        if not paths[_NEEDS.get(way.by, "grub_xen")]:
            pytest.skip(f"the profile {profile.name} has no image for {way.by}")
        # QEMU's emulation of nested paging lets PVH and HVM guests end with a triple fault: README.
        by_shadow = _is_emulated(recording) and "shadow" in hypervisor.words("virt_caps")
        description = described(
            way, guest_images(way.filesystem, way.packing), own_guest.host.folder,
            grub_xen=paths["grub_xen"], grub_pvh=paths["grub_pvh"], by_shadow=by_shadow,
        )  # fmt: skip
        guest = own_guest(description)
        guest.define()
        if way.by is By.HVM_GRUB:
            install_grub(guest, paths["grub_pc"])
        return guest

    return make


@pytest.fixture
def vhd_guest(own_guest: GuestMaker, describe_guest: DescribeGuest, guest_image: GuestImage) -> Callable[[], Guest]:
    """Makes a guest whose disk is a vhd; removed at the end of the check."""

    def make() -> Guest:
        described = describe_guest(guest_image, DiskBackend.QDISK)
        guest = own_guest(replace(described, started_by="grub.xen, from a vhd", format="vhd"))
        guest.define()
        return guest

    return make


@pytest.fixture
def installed_guest(
    own_guest: GuestMaker, describe_guest: DescribeGuest, guest_image: GuestImage
) -> Callable[[], Guest]:
    """Makes a guest that virt-install describes for libvirt; removed at the end of the check."""

    def make() -> Guest:
        guest = own_guest(by_virt_install(describe_guest(guest_image, DiskBackend.QDISK)))
        guest.define()
        return guest

    return make


def _is_emulated(recording: Recording) -> bool:
    """Whether the host is one of the lab, on a machine that runs it without KVM."""
    return recording.about.get("accelerator", "").startswith("TCG")
