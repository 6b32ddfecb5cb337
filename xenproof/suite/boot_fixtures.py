"""The fixture of checks that start guests in different ways: `guest_of_way`, a guest for each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from xenproof.guest.boot_ways import BootWay, By, start
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.logs import guest_logs
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.evidence import Evidence
from xenproof.suite.failed import has_failed
from xenproof.suite.kept_guests import Keep
from xenproof.suite.plugin import STATE

GuestOfWay = Callable[[BootWay], tuple[Guest, Path]]


@pytest.fixture
def guest_of_way(
    dom0: Connection, profile: Profile, guest_images: Callable[[str], GuestImage], host_folder: HostFolder,
    run_folder: Path, evidence: Evidence, keep: Keep, request: pytest.FixtureRequest,
) -> Iterator[GuestOfWay]:  # fmt: skip
    """Makes the guest that is to be started in a way, and the folder of the run; removed at the end of the check."""
    made: list[Guest] = []

    def make(way: BootWay) -> tuple[Guest, Path]:
        paths = {}
        for name in ("grub_xen", "grub_pvh"):
            path = profile.get("guest", name, "path")
            paths[name] = path.text if path else ""
        if not paths["grub_pvh" if way.by is By.PVH_GRUB else "grub_xen"]:
            pytest.skip(f"the profile {profile.name} has no image for {way.by}")
        image = guest_images(way.filesystem)
        config = start(way, image, host_folder, **paths)
        began = request.config.stash[STATE].began
        guest = Guest(dom0, host_folder, image, way.backend, config, began, started_by=way.by, format=way.format)
        made.append(guest)
        guest.define()
        return guest, run_folder

    try:
        yield make
    finally:
        for guest in made:
            guest.console.drain()
            keep(guest)
            if has_failed(request.node):
                for name, data in guest_logs(guest):
                    evidence.save(name, data)
            else:
                evidence.save("console.txt", guest.console.data)
            request.node.user_properties.append(("guest", json.dumps(asdict(guest.line))))
            guest.remove()
