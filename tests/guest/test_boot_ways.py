"""Each way to start a guest, on each file system that the way can or cannot read."""

from collections.abc import Callable

import pytest

from xenproof.guest.boot_progress import READY
from xenproof.guest.features.boot_ways import boot_ways, finds_its_menu, how_far
from xenproof.guest.guest import GONE, Guest
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.boot import GuestOfWay
from xenproof.suite.fixtures.guest import BOOT_LIMIT_S, SHUTDOWN_LIMIT_S
from xenproof.suite.fixtures.promises import Documented


@req("S02", "S04")
@pytest.mark.matrix
@pytest.mark.parametrize("way", boot_ways())
def test_guest_comes_as_far_as_predicted(
    way: str, guest_of_way: GuestOfWay, documented: Documented, expect: Expect
) -> None:
    """A guest that is started by {way} comes as far as that can take it, and is gone when it shuts down."""
    row = boot_ways()[way]
    guest = guest_of_way(row)
    boot = guest.boot(BOOT_LIMIT_S)
    found = how_far(guest, boot)

    expect(documented(way, row.expected, row.source), found, by=f"the console of {guest.name}")
    if boot.reached == READY:
        expect(documented("end", GONE, "xl(1), shutdown"), guest.shut_down(SHUTDOWN_LIMIT_S), by="xl list")


@req("S16")
@pytest.mark.matrix
@each("guest.vhd.boots")
def test_guest_boots_from_a_vhd(expected: Expectation, vhd_guest: Callable[[], Guest], expect: Expect) -> None:
    """Whether a guest boots from a disk that is a {name}, which qemu serves: {value}."""
    hint = "qemu-dm-*.log of the guest says whether its qemu has the driver vpc"
    expect(expected, finds_its_menu(vhd_guest()), by="the guest's console", hint=hint)
