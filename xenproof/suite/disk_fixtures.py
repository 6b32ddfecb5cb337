"""The fixtures of checks that hold disk specifications against what xl makes of them."""

import pytest

from xenproof.errors import NotEvaluable, UsageError
from xenproof.guest.backend_table import BackendTable
from xenproof.guest.disk_rows import disk_rows
from xenproof.guest.host import GuestHost
from xenproof.profile.expectation import Expectation, Level, Status
from xenproof.profile.profile import Profile
from xenproof.suite.grub_xen import grub_xen_of
from xenproof.xen.disk_words import dry_run_words, predicted_words
from xenproof.xen.dry_run import DryRun, dry_run
from xenproof.xen.of_profile import series_of
from xenproof.xen.specs import known_specs
from xenproof.xen.xl_series import XlSeries


class DryRuns:
    """What this host's xl makes of all known disk specifications, asked once."""

    def __init__(self, runs: dict[str, DryRun]) -> None:
        self._runs = runs

    def reading(self, name: str) -> str:
        """What xl read in the specification of this name, in a line."""
        return dry_run_words(self._runs[name])


class Predict:
    """Expectations that follow from the rules of a release's xl."""

    def __init__(self, profile: Profile, series: XlSeries) -> None:
        self._profile, self._series = profile, series

    def reading(self, name: str) -> Expectation:
        """What xl is to read in the specification of this name."""
        return self.of("disk_spec", name, predicted_words(known_specs()[name], self._series.disk))

    def of(self, kind: str, name: str, value: object) -> Expectation:
        """An expectation of what xl does, with the source of the rule."""
        return Expectation(
            ("xl", kind, name), value, (), self._series.source, Status.DOCUMENTED, Level.MUST, self._profile.name,
            f"rules of xl {self._series.name}",
        )  # fmt: skip


@pytest.fixture(scope="session")
def xl_series(profile: Profile) -> XlSeries:
    """The rules of the xl that the profile's release has."""
    try:
        return series_of(profile)
    except UsageError as error:
        raise NotEvaluable(str(error)) from error


@pytest.fixture(scope="session")
def predict(profile: Profile, xl_series: XlSeries) -> Predict:
    """Predicts what xl of the profile's release does."""
    return Predict(profile, xl_series)


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
