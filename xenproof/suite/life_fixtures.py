"""The fixtures of checks that do things to a guest while it runs: `life`, one guest for all of them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from xenproof.errors import GuestError, NotEvaluable
from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.life import Life, lively
from xenproof.guest.logs import guest_logs
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.evidence import Evidence
from xenproof.suite.guest_fixtures import has_failed
from xenproof.suite.plugin import STATE
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start

Lives = Callable[[], Life]


@pytest.fixture(scope="session")
def lives(
    dom0: Connection, profile: Profile, guest_image: GuestImage, host_folder: HostFolder, run_folder: Path,
    pytestconfig: pytest.Config,
) -> Iterator[Lives]:  # fmt: skip
    """Gives the guest that is alive, or a new one where what was done to the last one was its end."""
    kernel = profile.get("guest", "grub_xen", "path")
    if kernel is None:
        raise NotEvaluable(f"profile {profile.name} does not say where grub.xen is: give guest.grub_xen.path")
    began = pytestconfig.stash[STATE].began
    current: list[Life] = []

    def give() -> Life:
        if current and current[0].is_well():
            return current[0]
        while current:
            current.pop().guest.remove()
        guest = Guest(dom0, host_folder, guest_image, DiskBackend.BLKBACK, Start(kernel.text), began)
        guest.config = replace(guest.config, maxvcpus=2, on_reboot="restart", on_crash="restart")
        try:
            current.append(lively(guest, run_folder))
        except GuestError:
            guest.remove()
            raise
        return current[0]

    try:
        yield give
    finally:
        for life in current:
            life.guest.remove()


@pytest.fixture
def life(lives: Lives, evidence: Evidence, request: pytest.FixtureRequest) -> Iterator[Life]:
    """A guest that runs and answers; what explains a failure is kept."""
    found = lives()
    before = set(found.guest.line.steps)
    yield found
    found.guest.console.drain()
    if has_failed(request.node):
        for name, data in guest_logs(found.guest):
            evidence.save(name, data)
    if set(found.guest.line.steps) != before:
        request.node.user_properties.append(("guest", json.dumps(asdict(found.guest.line))))
