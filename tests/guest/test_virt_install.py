"""A guest that virt-install describes for libvirt."""

from collections.abc import Callable

import pytest

from xenproof.guest.boot_progress import READY
from xenproof.guest.guest import Guest
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.guest import BOOT_LIMIT_S

pytestmark = pytest.mark.matrix


@req("S20", "S22")
@each("guest.virt-install.boots")
def test_guest_of_virt_install_boots(
    expected: Expectation, installed_guest: Callable[[], Guest], expect: Expect
) -> None:
    """The XML that {name} prints for a PV guest is taken by virsh define, and the guest boots: {value}."""
    boot = installed_guest().boot(BOOT_LIMIT_S)
    expect(expected, boot.reached == READY, by=f"virsh start, and the guest's console: {boot.reached}")
