"""Boot options on their way from the configuration through grub.cfg to what runs."""

from xenproof.facts.boot import Boot
from xenproof.probing.answer import includes, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S01")
@each("boot.*.generated")
def test_grub_cfg_is_what_the_configuration_gives(boot_options: Boot, expected: Expectation, expect: Expect) -> None:
    """For the {name}, grub.cfg has exactly the options that the configuration would give: {value}."""
    expect(
        expected,
        boot_options.generated(expected.name),
        by="grub.cfg, against /etc/default/grub and grub.d",
        matches=says,
        hint="run update-grub or grub2-mkconfig",
    )


@req("S01")
@each("boot.*.running")
def test_running_options_are_those_of_grub_cfg(boot_options: Boot, expected: Expectation, expect: Expect) -> None:
    """The running {name} was started with exactly the options of grub.cfg: {value}."""
    expect(
        expected,
        boot_options.running(expected.name),
        by="xl info and /proc/cmdline, against grub.cfg",
        matches=says,
        hint="reboot, and choose the default entry",
    )


@req("S01", "S18")
@each("boot.*.has")
def test_running_options_include(boot_options: Boot, expected: Expectation, expect: Expect) -> None:
    """The running {name} was started with the options {value}."""
    expect(
        expected,
        boot_options.options(expected.name),
        by="xl info, xen_commandline, or /proc/cmdline",
        matches=includes,
        hint="add them in /etc/default/grub, run grub-mkconfig, reboot",
    )


@req("S01")
@each("boot.*.default_xen")
def test_xen_boots_by_default(boot_options: Boot, expected: Expectation, expect: Expect) -> None:
    """The entry that boots by itself loads Xen: {value}."""
    expect(
        expected,
        boot_options.default_xen,
        by="grub.cfg and grubenv",
        matches=says,
        hint="set GRUB_DEFAULT to an entry with Xen, then run grub-mkconfig",
    )
