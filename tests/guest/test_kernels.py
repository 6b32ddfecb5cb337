"""Kernels that are packed in different ways: what starts a PV guest has to unpack its kernel."""

from collections.abc import Callable

import pytest

from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect

pytestmark = pytest.mark.matrix

StartsKernel = Callable[[str], bool]


@req("S02")
@each("guest.*.by_grub_xen")
def test_grub_xen_starts_a_kernel(
    expected: Expectation, starts_kernel_by_grub_xen: StartsKernel, expect: Expect
) -> None:
    """Whether grub.xen can unpack and start a {name} on the guest's own disk: {value}."""
    expect(expected, starts_kernel_by_grub_xen(expected.name), by="the console of a guest")


@req("S02")
@each("guest.*.by_xl")
def test_xl_starts_a_kernel(expected: Expectation, starts_kernel_by_xl: StartsKernel, expect: Expect) -> None:
    """Whether xl can unpack and start a {name} of dom0: {value}."""
    expect(expected, starts_kernel_by_xl(expected.name), by="xl create, and the console of a guest")
