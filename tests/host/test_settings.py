"""Settings in files of shell variables, such as those in /etc/sysconfig."""

from xenproof.facts.shell_settings import ShellSettings
from xenproof.probing.answer import includes, one_of
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S05")
@each("settings.*.is")
def test_setting_of_file_is(shell_settings: ShellSettings, expected: Expectation, expect: Expect) -> None:
    """The setting {name} is {value}."""
    expect(
        expected,
        shell_settings.value(expected.name),
        by="the file itself",
        hint="set it in that file, then restart what reads it",
    )


@req("S05")
@each("settings.*.one_of")
def test_setting_of_file_is_one_of(shell_settings: ShellSettings, expected: Expectation, expect: Expect) -> None:
    """The setting {name} is one of {value}."""
    expect(
        expected,
        shell_settings.value(expected.name),
        by="the file itself",
        matches=one_of,
        hint="set it in that file, then restart what reads it",
    )


@req("S05")
@each("settings.*.has")
def test_setting_of_file_has(shell_settings: ShellSettings, expected: Expectation, expect: Expect) -> None:
    """The setting {name} has the words {value}."""
    expect(
        expected,
        shell_settings.words(expected.name),
        by="the file itself",
        matches=includes,
        hint="add them in that file, then restart what reads it",
    )
