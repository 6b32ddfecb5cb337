"""Expectations that no profile names: what documents say, what rules predict, what the suite itself has set."""

from collections.abc import Callable

import pytest

from xenproof.errors import NotEvaluable, UsageError
from xenproof.guest.image import GuestImage
from xenproof.profile.expectation import Expectation, Status, derived
from xenproof.profile.profile import Profile
from xenproof.xen.backend import DiskBackend
from xenproof.xen.disk_words import predicted_words
from xenproof.xen.of_profile import series_of
from xenproof.xen.specs import known_specs
from xenproof.xen.xl_series import XlSeries

Documented = Callable[[str, object, str], Expectation]
Promise = Callable[[str, object, str], Expectation]


def documents(profile: str) -> Documented:
    """Makes an expectation of what a document says: its name, its value, and the document."""

    def make(name: str, value: object, source: str) -> Expectation:
        return derived(
            ("xl", "does", name), value,
            source=source, where="what holds on all hosts", profile=profile, status=Status.DOCUMENTED,
        )  # fmt: skip

    return make


class Predict:
    """Expectations that follow from the rules of a release's xl."""

    def __init__(self, profile: str, series: XlSeries) -> None:
        self._profile, self._series = profile, series

    def reading(self, name: str) -> Expectation:
        """What xl is to read in the specification of this name."""
        return self.of("disk_spec", name, predicted_words(known_specs()[name], self._series.disk))

    def of(self, kind: str, name: str, value: object) -> Expectation:
        """An expectation of what xl does, with the source of the rule."""
        return derived(
            ("xl", kind, name), value,
            source=self._series.source, where=f"rules of xl {self._series.name}", profile=self._profile,
            status=Status.DOCUMENTED,
        )  # fmt: skip


@pytest.fixture(scope="session")
def documented(profile: Profile) -> Documented:
    """Makes an expectation of what a document says: its name, its value, and the document."""
    return documents(profile.name)


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
    return Predict(profile.name, xl_series)


@pytest.fixture
def promised(profile: Profile, guest_image: GuestImage, disk_backend: DiskBackend) -> Promise:
    """Makes an expectation of what the suite itself gave the guest, such as its token."""

    def make(attribute: str, value: object, source: str) -> Expectation:
        return derived(
            ("guest", str(disk_backend), attribute), value,
            source=source, where=f"guest image {guest_image.sha256[:12]}", profile=profile.name, status=Status.VERIFIED,
        )  # fmt: skip

    return make
