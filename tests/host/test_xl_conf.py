"""The settings of xl."""

from xenproof.facts.xl_conf import XlConf
from xenproof.probing.answer import confirmed, one_of
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S10")
@each("xl_conf.*.is")
def test_setting_is(xl_conf: XlConf, expected: Expectation, expect: Expect) -> None:
    """The setting {name} of xl.conf is {value}."""
    expect(expected, xl_conf.value(expected.name), by="/etc/xen/xl.conf", hint="set it in /etc/xen/xl.conf")


@req("S10", "S13")
@each("xl_conf.*.one_of")
def test_setting_is_one_of(xl_conf: XlConf, expected: Expectation, expect: Expect) -> None:
    """The setting {name} of xl.conf is one of {value}."""
    expect(
        expected, xl_conf.value(expected.name), by="/etc/xen/xl.conf", matches=one_of, hint="set it in /etc/xen/xl.conf"
    )


@req("S10")
@each("xl_conf_keys.used.known")
def test_settings_are_known_to_this_xl(xl_conf: XlConf, expected: Expectation, expect: Expect) -> None:
    """xl.conf sets nothing that this xl does not know: it knows {value}."""
    expect(
        expected,
        xl_conf.uses_only(expected.names),
        by="/etc/xen/xl.conf",
        matches=confirmed,
        hint="correct or remove the key: xl ignores it and prints nothing",
    )
