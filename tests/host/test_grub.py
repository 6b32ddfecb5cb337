"""GRUB's configuration: where the boot options are set."""

from xenproof.probing.answer import includes, says
from xenproof.probing.shell_variables import ShellVariables
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S01")
@each("grub.*.present")
def test_grub_variable_is_set(grub_defaults: ShellVariables, expected: Expectation, expect: Expect) -> None:
    """GRUB's configuration sets {name}: {value}."""
    expect(
        expected,
        grub_defaults.present(expected.name),
        by="/etc/default/grub and the files of grub.d",
        matches=says,
        hint="set it in /etc/default/grub, then run grub-mkconfig",
    )


@req("S01")
@each("grub.*.has")
def test_grub_variable_has_its_options(grub_defaults: ShellVariables, expected: Expectation, expect: Expect) -> None:
    """GRUB's variable {name} has the options {value}."""
    expect(
        expected,
        grub_defaults.options(expected.name),
        by="/etc/default/grub and the files of grub.d",
        matches=includes,
        hint="add them in /etc/default/grub, then run grub-mkconfig",
    )
