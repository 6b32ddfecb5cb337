"""Each fault on a real host turns red exactly the checks that name it.

Looking at a host takes longer than breaking it, so faults are injected some at a time: see rounds.
"""

import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from selftest.lab.rounds import arranged
from selftest.lab.suite import GRUB_XEN, Suite, SuiteRun
from xenproof.lab import host as lab
from xenproof.lab.host import LabHost
from xenproof.run.progress import Silent
from xenproof.source.connection import Connection

LIBVIRT_DRIVER = "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_libxl.so"
XEN_OPTIONS = "sed -i 's/^GRUB_CMDLINE_XEN_DEFAULT=.*/GRUB_CMDLINE_XEN_DEFAULT=\"{}\"/' /etc/default/grub"
IMAGE_FOLDERS = ("/var/lib/libvirt/images", "/var/lib/xen")


@dataclass(frozen=True)
class Fault:
    """Something broken by hand: the checks that must fail, and those of which nothing can be said then."""

    name: str
    command: str
    red: frozenset[str]
    mute: frozenset[str] = frozenset()
    of: str = ""

    def __str__(self) -> str:
        return self.name

    def apart(self, other: "Fault") -> bool:
        """Whether one look at a host could not tell which of the two did what, or one is in the other's way."""
        return bool((self.red | self.mute) & (other.red | other.mute)) or bool(self.of and self.of == other.of)


def fault(name: str, command: str, *red: str, mute: tuple[str, ...] = (), of: str = "") -> Fault:
    return Fault(name, textwrap.dedent(command), frozenset(red), frozenset(mute), of)


# A package of the same name and of a later version, as an upgrade would leave it: its files do not matter here.
NEWER_PACKAGE = """
set -e
name={0}
new=$(dpkg-query -W -f '${{Version}}' "$name").1
mkdir -p /tmp/newer/DEBIAN
printf 'Package: %s\\nVersion: %s\\nArchitecture: amd64\\nMaintainer: x <x@localhost>\\nDescription: x\\n' \
    "$name" "$new" >/tmp/newer/DEBIAN/control
dpkg-deb -b /tmp/newer /tmp/newer.deb
# Only the database learns of it; the files of the old one stay.
sed -i "/^Package: $name\\$/,/^\\$/s/^Version: .*/Version: $new/" /var/lib/dpkg/status
"""

FAULTS = [
    # Units and processes.
    fault(
        "xenconsoled's service stopped",
        "systemctl stop xen.service",
        "test_unit_is_active[xen.service]",
        "test_process_is_running[xenconsoled]",
        "test_pid_file_names_its_process[/run/xenconsoled.pid]",
        "test_pid_file_names_its_process[/run/qemu-dom0.pid]",
    ),
    fault(
        "xenconsoled killed",
        "kill -9 $(cat /run/xenconsoled.pid)",
        "test_process_is_running[xenconsoled]",
        "test_pid_file_names_its_process[/run/xenconsoled.pid]",
    ),
    fault(
        "a unit masked",
        "systemctl mask libvirt-guests.service",
        "test_unit_starts_at_boot[libvirt-guests.service]",
    ),
    fault(
        "a unit disabled",
        "systemctl disable libvirtd.service",
        "test_unit_starts_at_boot[libvirtd.service]",
        "test_unit_starts_at_boot[libvirtd.socket]",
    ),
    fault(
        "an init script without start links",
        "update-rc.d xendomains disable",
        "test_unit_starts_at_boot[xendomains.service]",
    ),
    fault(
        "a failed unit",
        "systemd-run --unit=broken false; until systemctl is-failed -q broken; do :; done",
        "test_no_other_unit_has_failed[manager]",
    ),
    fault(
        "libvirt's socket gone",
        "systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service",
        "test_unit_is_active[libvirtd.socket]",
        "test_libvirt_reaches_xen[connects]",
        mute=(
            "test_libvirt_uses_the_driver[driver]",
            "test_dom0_is_listed[dom0_listed]",
            "test_running_version_is_that_of_the_release[libvirt]",
            "test_running_version_is_the_installed_one[libvirt]",
        ),
    ),
    # Packages and files.
    fault(
        "a package removed",
        "dpkg --force-depends --remove libvirt-daemon-driver-xen",
        "test_package_is_installed[libvirt-daemon-driver-xen]",
        f"test_file_exists[{LIBVIRT_DRIVER}]",
        mute=(
            "test_files_are_what_was_installed[libvirt-daemon-driver-xen]",
            "test_package_has_the_version_of_its_release[libvirt-daemon-driver-xen]",
            f"test_file_is_of_its_type[{LIBVIRT_DRIVER}]",
        ),
    ),
    fault(
        "grub.xen removed",
        f"rm {GRUB_XEN}",
        f"test_file_exists[{GRUB_XEN}]",
        "test_files_are_what_was_installed[grub-xen-host]",
        mute=(
            f"test_file_is_of_its_type[{GRUB_XEN}]",
            f"test_file_has_its_mode[{GRUB_XEN}]",
            f"test_file_has_its_owner[{GRUB_XEN}]",
        ),
    ),
    fault(
        "a package without its checksums",
        "rm /var/lib/dpkg/info/xenstore-utils.md5sums",
        mute=("test_files_are_what_was_installed[xenstore-utils]",),
    ),
    fault("a file that anyone may write", "chmod 0666 /etc/xen/xl.conf", "test_file_has_its_mode[/etc/xen/xl.conf]"),
    fault(
        "a directory of another owner",
        "chown nobody:nogroup /var/lib/libvirt/images",
        "test_file_has_its_owner[/var/lib/libvirt/images]",
    ),
    fault(
        "a stray xm",
        "printf '#!/bin/sh\\n' >/usr/local/bin/xm && chmod 755 /usr/local/bin/xm",
        "test_command_is_on_the_path[xm]",
    ),
    fault(
        "a stray xend that runs",
        "cp /bin/sleep /usr/local/sbin/xend && { setsid /usr/local/sbin/xend 600 >/dev/null 2>&1 & }",
        "test_command_is_on_the_path[xend]",
        "test_process_is_running[xend]",
    ),
    fault("xend's lock", "touch /run/lock/xend", "test_file_exists[/run/lock/xend]"),
    fault(
        "a left-over configuration of xend",
        "echo '(vif-script vif-bridge)' >/etc/xen/xend-config.sxp",
        "test_file_exists[/etc/xen/xend-config.sxp]",
    ),
    fault(
        "settings of xend that this host does not have",
        "printf '(dom0-cpus 7)\\n(keymap de)\\n' >/etc/xen/xend-config.sxp",
        "test_file_exists[/etc/xen/xend-config.sxp]",
        "test_old_settings_have_their_place[settings]",
    ),
    fault(
        "a key with a passphrase",
        "ssh-keygen -q -p -f /root/.ssh/id_ed25519 -N 'a passphrase'",
        "test_key_opens_by_itself[key]",
    ),
    # Boot options.
    fault(
        "other options in /etc/default/grub",
        XEN_OPTIONS.format("dom0_mem=768M,max:768M dom0_max_vcpus=2"),
        "test_grub_cfg_is_what_the_configuration_gives[hypervisor]",
    ),
    fault(
        "Xen not the default",
        """sed -i 's/set default="Debian GNU.*/set default="0"/' /boot/grub/grub.cfg""",
        "test_xen_boots_by_default[hypervisor]",
    ),
    # dom0's share.
    fault("memory taken from dom0", "xl mem-set 0 900", "test_share_is_what_the_option_gives[memory]"),
    fault("a vCPU taken from dom0", "xl vcpu-set 0 1", "test_share_is_what_the_option_gives[vcpus]"),
    # Versions.
    fault(
        "a kernel that was updated and does not run",
        NEWER_PACKAGE.format("linux-image-$(uname -r)"),
        "test_running_version_is_the_installed_one[kernel]",
    ),
    fault(
        "a hypervisor that was updated and does not run",
        NEWER_PACKAGE.format("xen-hypervisor-4.17-amd64"),
        "test_running_version_is_the_installed_one[hypervisor]",
    ),
    # Configuration.
    fault(
        "autoballoon on",
        """sed -i 's/^#*autoballoon=.*/autoballoon="on"/' /etc/xen/xl.conf""",
        "test_setting_is_one_of[autoballoon]",
    ),
    fault(
        "a misspelt key in xl.conf",
        "echo 'max_grant_frame=64' >>/etc/xen/xl.conf",
        "test_settings_are_known_to_this_xl[used]",
    ),
    fault(
        "no saving of guests at shutdown",
        "sed -i 's/^XENDOMAINS_SAVE=.*/XENDOMAINS_SAVE=/' /etc/default/xendomains",
        "test_setting_of_file_is[/etc/default/xendomains:XENDOMAINS_SAVE]",
    ),
    fault(
        "PermitRootLogin no",
        "echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/00-no-root.conf",
        "test_option_is_one_of[permitrootlogin]",
        of="sshd that is reloaded",
    ),
    fault(
        "no rotation of libvirt's logs",
        "rm /etc/logrotate.d/libvirtd.libxl",
        "test_log_is_rotated[/var/log/libvirt/libxl]",
    ),
    # What runs.
    fault(
        "no bridge",
        "ip link set xenbr0 down; brctl delif xenbr0 wire0; brctl delbr xenbr0",
        "test_bridge_exists[xenbr0]",
        mute=("test_bridge_is_up[xenbr0]", "test_bridge_reaches_a_network[xenbr0]"),
    ),
    fault(
        "a bridge without a network",
        "ip link set wire0 nomaster",
        "test_bridge_reaches_a_network[xenbr0]",
    ),
    fault(
        "a full image directory",
        "fallocate -l $(($(df --output=avail -k / | tail -1) - 102400))k /var/tmp/full",
        *(f"test_there_is_room_for_images[{folder}]" for folder in IMAGE_FOLDERS),
    ),
    fault(
        "a directory that cannot be written",
        "mount --bind /var/log/xen /var/log/xen && mount -o remount,bind,ro /var/log/xen",
        "test_path_is_writable[/var/log/xen]",
    ),
    fault("a wrong clock", "date -s '+2 hours'", "test_clock_is_right[skew]"),
    fault(
        "something on xend's port",
        "{ setsid busybox nc -l -p 8002 >/dev/null 2>&1 </dev/null & }; sleep 1",
        "test_port_is_listening[8002]",
    ),
    fault(
        "dom0 without its name in xenstore",
        "xenstore-write /local/domain/0/name dom0",
        "test_entry_holds[/local/domain/0/name]",
    ),
    # Root's ssh, on its way to another host.
    fault(
        "a shell that greets", "sed -i '1iecho Welcome to this host' /root/.bashrc", "test_login_prints_nothing[login]"
    ),
    fault(
        "keys that anyone may add to",
        "echo 'StrictModes no' >/etc/ssh/sshd_config.d/00-lax.conf && systemctl reload ssh"
        " && chmod 0666 /root/.ssh/authorized_keys",
        "test_only_root_can_let_keys_in[authorized_keys]",
        of="sshd that is reloaded",
    ),
    fault("no key of root", "rm /root/.ssh/id_*", "test_key_opens_by_itself[key]"),
    fault("no host is known", "rm /root/.ssh/known_hosts", "test_keys_are_there[known_hosts]"),
    # What xend left, and what somebody changed.
    fault(
        "a managed domain of xend",
        "mkdir -p /var/lib/xend/domains/4f && echo '(domain (name old1))' >/var/lib/xend/domains/4f/config.sxp",
        "test_managed_domains_are_imported[managed_domains]",
    ),
    fault(
        "a guest's configuration in SXP",
        "echo '(vm (name old2))' >/etc/xen/old2.cfg",
        "test_nothing_is_left_in_sxp_form[sxp_configs]",
    ),
    fault(
        "a file that is not the package's any more",
        "printf x >>/usr/share/man/man1/virsh.1.gz",
        "test_files_are_what_was_installed[libvirt-clients]",
    ),
]


# Each fault in some rounds, beside others, and no other one in the same.
ROUNDS = arranged(FAULTS, Fault.apart)


class Looks:
    """What the suite said in each round, looked at when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[int, SuiteRun] = {}

    def of(self, number: int) -> SuiteRun:
        if number not in self._runs:
            with broken_host([(broken.name, broken.command) for broken in ROUNDS[number]]) as host:
                self._runs[number] = Suite(self._folder / str(number)).against(host, "tests/host")
        return self._runs[number]


@contextmanager
def broken_host(faults: Iterable[tuple[str, str]]) -> Iterator[LabHost]:
    """A fresh dom0 on which these commands, each named, have done their harm."""
    host = lab.up("debian12", Silent())
    try:
        shell = host.connect()
        for name, command in faults:
            done = shell.run(command, limit_s=120)
            assert done.exit_code == 0, f"{name}: {done.text} {done.error_text}"
        shell.close()
        yield host
    finally:
        host.down()


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Looks:
    return Looks(tmp_path_factory.mktemp("rounds"))


@pytest.mark.parametrize("broken", FAULTS, ids=str)
def test_fault_turns_its_checks_red(looks: Looks, broken: Fault) -> None:
    for number in [number for number, faults in enumerate(ROUNDS) if broken in faults]:
        run = looks.of(number)
        assert run.ids("fail") >= broken.red, run.output
        assert run.ids("not evaluable") >= broken.mute, run.output


@pytest.mark.parametrize("number", range(len(ROUNDS)))
def test_faults_beside_each_other_turn_nothing_else_red(looks: Looks, number: int) -> None:
    run = looks.of(number)

    assert run.ids("fail") == frozenset().union(*(broken.red for broken in ROUNDS[number])), run.output
    assert run.ids("not evaluable") == frozenset().union(*(broken.mute for broken in ROUNDS[number])), run.output
    assert run.ids("error") == set(), run.output
    # What only should be so fails no host.
    levels = {verdict.level for verdict in run.verdicts if verdict.outcome == "fail"}
    assert run.exit_status == int("must" in levels)


def test_other_boot_options_are_seen_before_and_after_the_reboot(
    lab_host: LabHost, dom0_shell: Connection, suite: Suite
) -> None:
    """Memory that is not pinned, and the console misprinted."""
    options = "dom0_mem=min:512,1000M dom0_max_vcpus=2 com2=11520,8n1"
    # What update-grub would write, which takes an emulated host a minute.
    written = f"sed -i 's/ dom0_mem=[^ ]* dom0_max_vcpus=2 / {options} /' /boot/grub/grub.cfg"
    dom0_shell.run(f"{XEN_OPTIONS.format(options)} && {written}").check(0)

    run = suite.against(lab_host, "tests/host")

    assert run.ids("fail") == {"test_running_options_are_those_of_grub_cfg[hypervisor]"}, run.output
    assert run.ids("not evaluable") | run.ids("error") == set(), run.output
    assert run.exit_status == 1

    reboot(lab_host, dom0_shell)
    run = suite.against(lab_host, "tests/host")

    assert run.ids("fail") == {
        "test_share_is_pinned[memory]",
        "test_serial_console_is_consistent[hypervisor]",
    }, run.output
    assert run.ids("not evaluable") == {"test_share_is_what_the_option_gives[memory]"}, run.output
    assert run.ids("error") == set(), run.output


def reboot(host: LabHost, shell: Connection) -> None:
    """Reboot the host for real, through its own GRUB."""
    before = host.serial.read_bytes().count(b" login: ")
    shell.run("{ sleep 1; systemctl reboot; } >/dev/null 2>&1 &").check(0)
    deadline = time.monotonic() + 400
    while host.serial.read_bytes().count(b" login: ") == before:
        assert time.monotonic() < deadline, "the host did not come up again"
        time.sleep(0.5)  # a poll with the deadline above
    again = host.connect()
    again.run("systemctl is-system-running --wait", limit_s=200).check(0)
    again.close()
