"""What an upgrade leaves over of xend's configuration: each setting explained, and held against the host."""

from xenproof.facts.xend_carried import CarriedOver
from xenproof.probing.answer import says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S12")
@each("xend_config.*.carried_over")
def test_old_settings_have_their_place(xend_config: CarriedOver, expected: Expectation, expect: Expect) -> None:
    """Each setting of a left-over /etc/xen/xend-config.sxp has its place today: {value}."""
    expect(
        expected,
        xend_config.all,
        by="/etc/xen/xend-config.sxp",
        matches=says,
        hint="set what is missing in its place of today, then remove /etc/xen/xend-config.sxp: nothing reads it",
    )
