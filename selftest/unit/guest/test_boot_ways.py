"""How far a guest came that was started in some way, in the words of the table."""

from pathlib import Path
from typing import cast

import pytest

from selftest.unit.guest.test_guest_witness import CONSOLE
from xenproof.errors import UsageError
from xenproof.guest.boot_progress import READY, BootProgress
from xenproof.guest.features.boot_ways import StartedBy, boot_ways, how_far, start
from xenproof.guest.guest import Guest
from xenproof.guest.host.working_folder import WorkingFolder
from xenproof.guest.image.guest_image import GuestImage
from xenproof.guest.witness import parse_witness
from xenproof.source.connection import Completed
from xenproof.xen.domain_control import CreatedDomain
from xenproof.xlcfg.config import DomainConfig, Start

TRACEBACK = """\
Using <class 'grub.GrubConf.Grub2ConfigFile'> to parse /boot/grub/grub.cfg
Traceback (most recent call last):
  File "/usr/lib/xen-4.17/bin/pygrub", line 911, in <module>
    raise RuntimeError("Unable to find partition containing kernel")
RuntimeError: Unable to find partition containing kernel
"""


class _Dom0:
    """Answers every command with pygrub's log."""

    def __init__(self, log: str = TRACEBACK) -> None:
        self.commands: list[str] = []
        self.log = log

    def run(self, command: str) -> Completed:
        self.commands.append(command)
        return Completed(command, 0, self.log.encode(), b"", 0.0)


class _Guest:
    def __init__(self, dom0: _Dom0, problem: str) -> None:
        self.dom0 = dom0
        self.created = CreatedDomain(-1 if problem else 7, "", "", 0, problem)


def guest(dom0: _Dom0, problem: str = "") -> Guest:
    return cast("Guest", _Guest(dom0, problem))


def test_a_guest_that_is_ready_says_what_started_it() -> None:
    boot = BootProgress(READY, 1.0, parse_witness(CONSOLE))
    assert how_far(guest(_Dom0()), boot) == boot_ways()["grub.xen, xfs"].expected


def test_what_pygrub_could_not_do_stands_in_its_log_which_is_removed() -> None:
    dom0 = _Dom0()
    problem = "libxl: bootloader failed - consult logfile /var/log/xen/bootloader.3.log\n" + "libxl: error: more\n" * 99
    refused = BootProgress("xl created no domain: libxl: error: more", 1.0, None)
    assert how_far(guest(dom0, problem), refused) == boot_ways()["pygrub, btrfs"].expected
    assert "rm -f /var/log/xen/bootloader.3.log" in dom0.commands[0]


def test_colours_of_a_newer_python_are_no_part_of_what_it_says() -> None:
    coloured = TRACEBACK.replace("RuntimeError:", "\x1b[1;35mRuntimeError\x1b[0m:").replace(
        ": Unable", ": \x1b[35mUnable"
    )
    dom0 = _Dom0(coloured.replace("kernel\n", "kernel\x1b[0m\n"))
    refused = BootProgress("xl created no domain", 1.0, None)
    problem = "bootloader failed - consult logfile /var/log/xen/bootloader.3.log"
    assert how_far(guest(dom0, problem), refused) == boot_ways()["pygrub, xfs"].expected


def test_any_other_end_is_said_as_it_is() -> None:
    said = "ended after 3 s: it reached 'grub.xen'"
    assert how_far(guest(_Dom0()), BootProgress(said, 1.0, None)) == said


class _Folder:
    def cut(self, image: GuestImage, file: Path) -> str:
        assert file in (image.kernel, image.ramdisk)
        return f"/folder/{file.name}"


@pytest.mark.parametrize("way", boot_ways().values(), ids=str)
def test_each_way_is_a_configuration_with_one_start(way: object) -> None:
    row = boot_ways()[way.name]  # type: ignore[attr-defined]
    image = GuestImage(
        Path("/i/disk.raw.gz"), "", "", 0, 0, "6.1", "", kernel=Path("/i/vmlinuz"), ramdisk=Path("/i/initramfs.gz")
    )
    made = start(row, image, cast("WorkingFolder", _Folder()), grub_xen="/grub.xen", grub_pvh="/grub.pvh")
    assert [bool(made.kernel), bool(made.bootloader), made.firmware].count(True) == 1
    assert (made.type == "pvh") == (row.by in (StartedBy.PVH_DOM0, StartedBy.PVH_GRUB))
    text = DomainConfig("x", made, 128, ()).text()
    assert ('extra = "console=hvc0' in text) == (row.by in (StartedBy.DOM0, StartedBy.PVH_DOM0))


def test_a_command_line_that_would_end_its_string_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be in a guest's configuration"):
        Start("/k", command_line='a" \nb').text()
