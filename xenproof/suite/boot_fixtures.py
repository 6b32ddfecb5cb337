"""The fixture of checks that start guests in different ways: `guest_of_way`, a guest for each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xenproof.guest.boot_ways import BootWay, By, start
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.care import Care
from xenproof.suite.plugin import STATE

GuestOfWay = Callable[[BootWay], tuple[Guest, Path]]


@pytest.fixture
def guest_of_way(
    dom0: Connection, profile: Profile, guest_images: Callable[[str], GuestImage], host_folder: HostFolder,
    run_folder: Path, care: Care, pytestconfig: pytest.Config,
) -> GuestOfWay:  # fmt: skip
    """Makes the guest that is to be started in a way, and the folder of the run; removed at the end of the check."""

    def make(way: BootWay) -> tuple[Guest, Path]:
        paths = {}
        for name in ("grub_xen", "grub_pvh"):
            path = profile.get("guest", name, "path")
            paths[name] = path.text if path else ""
        if not paths["grub_pvh" if way.by is By.PVH_GRUB else "grub_xen"]:
            pytest.skip(f"the profile {profile.name} has no image for {way.by}")
        image = guest_images(way.filesystem)
        config = start(way, image, host_folder, **paths)
        began = pytestconfig.stash[STATE].began
        guest = Guest(dom0, host_folder, image, way.backend, config, began, started_by=way.by, format=way.format)
        care.take(guest, lambda _: guest.remove()).define()
        return guest, run_folder

    return make
