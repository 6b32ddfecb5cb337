"""The fixture `make_guest`: the one way in which checks get guests on their host."""

import pytest

from xenproof.guest.guest import Guest
from xenproof.guest.image import GuestImage
from xenproof.guest.place import HostFolder
from xenproof.profile.profile import Profile
from xenproof.source.connection import Connection
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.suite.state import STATE
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start
from xenproof.xen.toolstack import Toolstack


class MakeGuest:
    """Makes guests on one host, which are not defined yet; who asks for one removes it."""

    def __init__(self, dom0: Connection, profile: Profile, folder: HostFolder, began: float) -> None:
        """`began` is when the run did, in seconds since the epoch: the report's time line starts there."""
        self._dom0, self._profile, self._folder, self._began = dom0, profile, folder, began

    def __call__(
        self, image: GuestImage, backend: DiskBackend, start: Start | None = None, *, started_by: str = "grub.xen",
        format: str = "raw", toolstack: Toolstack | None = None,
    ) -> Guest:  # fmt: skip
        """A guest of `image` that `start` starts, without it grub.xen.

        Raises NotEvaluable where the profile does not say where that is.
        """
        start = start or Start(grub_xen_of(self._profile))
        return Guest(self._dom0, self._folder, image, backend, start, self._began, started_by, format, toolstack)


@pytest.fixture(scope="session")
def make_guest(dom0: Connection, profile: Profile, host_folder: HostFolder, pytestconfig: pytest.Config) -> MakeGuest:
    """Makes guests on this host."""
    return MakeGuest(dom0, profile, host_folder, pytestconfig.stash[STATE].began)
