"""Each fault on a real host turns red exactly the checks that name it."""

from dataclasses import dataclass

import pytest

from selftest.lab.suite import Suite
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection


@dataclass(frozen=True)
class Fault:
    """Something broken by hand, and the checks that must say so."""

    name: str
    command: str
    red: frozenset[str]


FAULTS = [
    Fault(
        "xenconsoled's service stopped",
        "systemctl stop xen.service",
        frozenset({"test_unit_is_active[xen.service]", "test_process_is_running[xenconsoled]"}),
    ),
    Fault(
        "autoballoon on",
        """sed -i 's/^#*autoballoon=.*/autoballoon="on"/' /etc/xen/xl.conf""",
        frozenset({"test_setting_is_one_of[autoballoon]"}),
    ),
    Fault(
        "grub.xen removed",
        "rm /usr/lib/grub-xen/grub-x86_64-xen.bin",
        frozenset({"test_file_exists[/usr/lib/grub-xen/grub-x86_64-xen.bin]"}),
    ),
    Fault(
        "a stray xm",
        "printf '#!/bin/sh\\n' >/usr/local/bin/xm && chmod 755 /usr/local/bin/xm",
        frozenset({"test_command_is_on_the_path[xm]"}),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_turns_exactly_its_checks_red(
    lab_host: LabHost, dom0_shell: Connection, suite: Suite, fault: Fault
) -> None:
    dom0_shell.run(fault.command, limit_s=60).check(0)

    run = suite.against(lab_host, "tests/host")

    assert run.ids("fail") == fault.red, run.output
    assert run.ids("error") == set(), run.output
    assert run.exit_status == 1
