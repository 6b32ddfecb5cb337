"""The fixtures of checks that hold disk specifications against what xl makes of them."""

import pytest

from xenproof.guest.backend_table import BackendTable
from xenproof.guest.disk_rows import disk_rows
from xenproof.guest.host import GuestHost
from xenproof.profile.profile import Profile
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.xen.disk_words import dry_run_words
from xenproof.xen.dry_run import DryRun, dry_run
from xenproof.xen.specs import known_specs
from xenproof.xen.xl_series import XlSeries


class DryRuns:
    """What this host's xl makes of all known disk specifications, asked once."""

    def __init__(self, runs: dict[str, DryRun]) -> None:
        self._runs = runs

    def reading(self, name: str) -> str:
        """What xl read in the specification of this name, in a line."""
        return dry_run_words(self._runs[name])


@pytest.fixture(scope="session")
def dry_runs(guest_host: GuestHost) -> DryRuns:
    """The dry runs of all known disk specifications."""
    # A double quote ends a string of xl's configuration, so specifications hold none.
    configs = {
        name: f'name = "d"\nkernel = "/none"\nmemory = 64\ndisk = [ "{spec}" ]\n'
        for name, spec in known_specs().items()
    }
    return DryRuns(dry_run(guest_host.dom0, guest_host.folder.path, configs))


@pytest.fixture(scope="session")
def backend_table(profile: Profile, xl_series: XlSeries, guest_host: GuestHost) -> BackendTable:
    """The backends that this host's xl gives to disks of all rows of the table."""
    return BackendTable(guest_host, grub_xen_of(profile), xl_series, disk_rows())
