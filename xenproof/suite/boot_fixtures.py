"""The fixture of checks that start guests in different ways: `guest_of_way`, a guest for each."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from xenproof.facts.xl import XlInfo
from xenproof.guest.boot_ways import BootWay, By, install_grub, start
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImages
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.source.probe import Recording
from xenproof.suite.care import Care
from xenproof.suite.plugin import STATE

_NEEDS = {By.PVH_GRUB: "grub_pvh", By.HVM_GRUB: "grub_pc"}
GuestOfWay = Callable[[BootWay], Guest]


@pytest.fixture
def guest_of_way(
    dom0: Connection, profile: Profile, guest_images: GuestImages, host_folder: HostFolder,
    recording: Recording, hypervisor: XlInfo, care: Care, pytestconfig: pytest.Config,
) -> GuestOfWay:  # fmt: skip
    """Makes the guest that is to be started in a way; removed at the end of the check."""

    def make(way: BootWay) -> Guest:
        paths = {}
        for name in ("grub_xen", "grub_pvh", "grub_pc"):
            path = profile.get("guest", name, "path")
            paths[name] = path.text if path else ""
        if not paths[_NEEDS.get(way.by, "grub_xen")]:
            pytest.skip(f"the profile {profile.name} has no image for {way.by}")
        image = guest_images(way.filesystem)
        config = start(way, image, host_folder, grub_xen=paths["grub_xen"], grub_pvh=paths["grub_pvh"])
        began = pytestconfig.stash[STATE].began
        guest = Guest(dom0, host_folder, image, way.backend, config, began, started_by=way.by, format=way.format)
        if way.by is By.HVM_GRUB:
            # With an IDE disk firmware reads two bytes at a time; an xl before 4.7 takes no notice of the word.
            guest.config = replace(guest.config, more={"hdtype": "ahci"})
        elif config.type == "pvh" and _is_emulated(recording) and "shadow" in hypervisor.words("virt_caps"):
            # QEMU's emulation of nested paging lets such guests end with a triple fault: README.
            guest.config = replace(guest.config, more={"hap": 0})
        care.take(guest, lambda _: guest.remove()).define()
        if way.by is By.HVM_GRUB:
            install_grub(guest, paths["grub_pc"])
        return guest

    return make


def _is_emulated(recording: Recording) -> bool:
    """Whether the host is one of the lab, on a machine that runs it without KVM."""
    return recording.about.get("accelerator", "").startswith("TCG")
