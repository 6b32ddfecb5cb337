"""What an upgrade from xend leaves over: domains without a toolstack, and configurations that no program reads."""

from xenproof.facts.leftovers import XendLeftovers
from xenproof.probing.answer import nothing_but, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S23")
@each("leftovers.*.imported")
def test_managed_domains_are_imported(leftovers: XendLeftovers, expected: Expectation, expect: Expect) -> None:
    """libvirt knows each managed domain that xend left over: {value}."""
    expect(
        expected,
        leftovers.imported,
        by="/var/lib/xend/domains and virsh list --all",
        matches=says,
        hint="import them with: xen2libvirt --recursive /var/lib/xend/domains/",
    )


@req("S09")
@each("leftovers.*.found")
def test_nothing_is_left_in_sxp_form(leftovers: XendLeftovers, expected: Expectation, expect: Expect) -> None:
    """Guest configurations below /etc/xen in SXP form, which xl does not read: {value}."""
    expect(
        expected,
        leftovers.configs,
        by="the beginnings of the files in /etc/xen, /etc/xen/vm and /etc/xen/auto",
        matches=nothing_but,
        hint="write an xl.cfg for each, or convert it: virsh domxml-from-native xen-sxpr FILE, then virsh define",
    )
