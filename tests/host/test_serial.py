"""The serial console: what was promised to the hypervisor and to dom0's kernel."""

from xenproof.facts.serial_console import SerialConsole
from xenproof.probing.answer import nothing_but, says
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect


@req("S18")
@each("serial.*.consistent")
def test_serial_console_is_consistent(serial_console: SerialConsole, expected: Expectation, expect: Expect) -> None:
    """The options of the {name} about serial consoles fit together: {value}."""
    expect(
        expected,
        serial_console.consistent(expected.name),
        by="xl info, xen_commandline, and /proc/cmdline",
        matches=says,
        hint="give the hypervisor com1=115200,8n1 console=com1,vga, and dom0's kernel Xen's own console",
    )


@req("S18")
@each("serial.*.consoles")
def test_consoles_are_known_ones(serial_console: SerialConsole, expected: Expectation, expect: Expect) -> None:
    """The {name} was given no console but {value}."""
    expect(
        expected,
        serial_console.consoles(expected.name),
        by="xl info, xen_commandline, or /proc/cmdline",
        matches=nothing_but,
        hint="name Xen's own console in the options, as GRUB's configuration gives them",
    )
