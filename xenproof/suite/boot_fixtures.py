"""The fixtures of checks that start guests in different ways: `guest_of_way`, `vhd_guest`, `installed_guest`."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from xenproof.facts.xl import XlInfo
from xenproof.guest.boot_ways import BootWay, By, install_grub, more_words, start
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage, GuestImages
from xenproof.guest.place import HostFolder
from xenproof.guest.virt_install import VirtInstall
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.suite.care import Care
from xenproof.suite.make_guest import MakeGuest
from xenproof.xen.backend import DiskBackend

_NEEDS = {By.PVH_GRUB: "grub_pvh", By.HVM_GRUB: "grub_pc"}
GuestOfWay = Callable[[BootWay], Guest]


@pytest.fixture
def guest_of_way(
    make_guest: MakeGuest, profile: Profile, guest_images: GuestImages, host_folder: HostFolder,
    recording: Recording, hypervisor: XlInfo, care: Care,
) -> GuestOfWay:  # fmt: skip
    """Makes the guest that is to be started in a way; removed at the end of the check."""

    def make(way: BootWay) -> Guest:
        paths = {}
        for name in ("grub_xen", "grub_pvh", "grub_pc"):
            path = profile.get("guest", name, "path")
            paths[name] = path.text if path else ""
        if not paths[_NEEDS.get(way.by, "grub_xen")]:
            pytest.skip(f"the profile {profile.name} has no image for {way.by}")
        image = guest_images(way.filesystem, way.packing)
        config = start(way, image, host_folder, grub_xen=paths["grub_xen"], grub_pvh=paths["grub_pvh"])
        guest = make_guest(image, way.backend, config, started_by=way.by, format=way.format)
        # QEMU's emulation of nested paging lets PVH and HVM guests end with a triple fault: README.
        by_shadow = _is_emulated(recording) and "shadow" in hypervisor.words("virt_caps")
        guest.config = replace(guest.config, more=more_words(way, by_shadow=by_shadow))
        care.take_over(guest).define()
        if way.by is By.HVM_GRUB:
            install_grub(guest, paths["grub_pc"])
        return guest

    return make


@pytest.fixture
def vhd_guest(make_guest: MakeGuest, guest_image: GuestImage, care: Care) -> Callable[[], Guest]:
    """Makes a guest whose disk is a vhd; removed at the end of the check."""

    def make() -> Guest:
        guest = make_guest(guest_image, DiskBackend.QDISK, started_by="grub.xen, from a vhd", format="vhd")
        care.take_over(guest).define()
        return guest

    return make


@pytest.fixture
def installed_guest(make_guest: MakeGuest, guest_image: GuestImage, care: Care) -> Callable[[], Guest]:
    """Makes a guest that virt-install describes for libvirt; removed at the end of the check."""

    def make() -> Guest:
        guest = make_guest(guest_image, DiskBackend.QDISK, started_by="grub.xen, by virt-install")
        guest.toolstack = VirtInstall(guest.config.start.kernel, guest.disk, guest.config.memory_mib)
        guest.more_files.append(f"{guest.config_path}.xml")
        care.take_over(guest).define()
        return guest

    return make


def _is_emulated(recording: Recording) -> bool:
    """Whether the host is one of the lab, on a machine that runs it without KVM."""
    return recording.about.get("accelerator", "").startswith("TCG")
