"""What libvirt says of Xen."""

from xenproof.facts.libvirt import LibvirtAnswers
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S20")
@each("libvirt.connects.is")
def test_libvirt_reaches_xen(libvirt: LibvirtAnswers, expected: Expectation, expect: Expect) -> None:
    """virsh reaches libvirt's driver for Xen: {value}."""
    expect(
        expected, libvirt.connects, by="virsh -c xen:///system", matches=says, hint="start libvirtd and see its journal"
    )


@req("S20")
@each("libvirt.driver.is")
def test_libvirt_uses_the_driver(libvirt: LibvirtAnswers, expected: Expectation, expect: Expect) -> None:
    """libvirt's driver is {value}."""
    expect(expected, libvirt.driver, by="virsh version", hint="install the driver of libvirt for Xen")


@req("S20")
@each("libvirt.dom0_listed.is")
def test_dom0_is_listed(libvirt: LibvirtAnswers, expected: Expectation, expect: Expect) -> None:
    """libvirt lists dom0 among its domains: {value}."""
    expect(
        expected,
        libvirt.dom0_listed,
        by="virsh list",
        matches=says,
        hint="restart libvirtd: it looks for dom0 when it starts",
    )
