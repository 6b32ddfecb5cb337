"""The fixtures of checks that look at a guest's screen, and of what its qemu has to serve."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xenproof.guest.image import GuestImage
from xenproof.guest.maker import GuestMaker
from xenproof.profile.profile import Profile
from xenproof.suite.guest_teardown import GuestTeardown
from xenproof.suite.make_guest import DescribeGuest
from xenproof.xen.backend import DiskBackend

if TYPE_CHECKING:
    from xenproof.guest.desktop import DesktopGuest
    from xenproof.suite.desktops import Desktops


@pytest.fixture(scope="session")
def _any_desktops(
    make_guest: GuestMaker, profile: Profile, guest_image: GuestImage, run_folder: Path
) -> "Iterator[Desktops]":
    """The guests with a screen on this host."""
    from xenproof.suite.desktops import Desktops

    made = Desktops(make_guest, guest_image, run_folder, profile)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def desktops(_any_desktops: "Desktops", profile: Profile) -> "Desktops":
    """The guests with a screen; not applicable where the qemu of the release has no SPICE, by its profile."""
    promised = profile.get("qemu_options", "spice", "present")
    if promised is not None and promised.value is False:
        pytest.skip(f"the qemu of {profile.name} has no SPICE: {promised.source}")
    return _any_desktops


@pytest.fixture
def desktop(desktops: "Desktops", guest_teardown: GuestTeardown) -> "DesktopGuest":
    """A guest whose SPICE and VNC servers want a password where the release has that, with all for the agent."""
    return desktops.with_passwords(guest_teardown)


@pytest.fixture
def open_desktop(desktops: "Desktops", guest_teardown: GuestTeardown) -> "tuple[DesktopGuest, Path]":
    """A guest whose SPICE server wants no password, in clear and encrypted, and the certificate of its authority."""
    return desktops.open(guest_teardown), desktops.authority


@pytest.fixture
def spice_password(profile: Profile, desktop: "DesktopGuest") -> str:
    """The password of the guest's SPICE server; not applicable where the release has none, by its profile."""
    return _password(profile, "spice_password", desktop.desktop.password)


@pytest.fixture
def vnc_password(profile: Profile, desktop: "DesktopGuest") -> str:
    """The password of the guest's VNC server; not applicable where the release has none, by its profile."""
    return _password(profile, "vnc_password", desktop.desktop.vnc_password)


def _password(profile: Profile, name: str, word: str) -> str:
    from xenproof.suite.desktops import why_not_served

    if why := why_not_served(profile, name):
        pytest.skip(why)
    return word


@pytest.fixture
def supports(own_guest: GuestMaker, describe_guest: DescribeGuest, guest_image: GuestImage) -> Callable[[str], bool]:
    """Whether a guest that asks for something, by its name in the profile, gets it."""
    from xenproof.guest.desktop import by_firmware
    from xenproof.guest.supported_features import FEATURES, OF_FIRMWARE

    def is_supported(name: str) -> bool:
        if name in OF_FIRMWARE:
            return FEATURES[name](by_firmware(guest_image), own_guest)
        return FEATURES[name](describe_guest(guest_image, DiskBackend.QDISK), own_guest)

    return is_supported
