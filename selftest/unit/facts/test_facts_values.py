"""What the parsers make of a real Debian 12 dom0, and of one that was broken."""

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.bridges import BRIDGES
from xenproof.facts.commands import COMMANDS
from xenproof.facts.files import FILES, File
from xenproof.facts.images import IMAGES
from xenproof.facts.libvirt import LIBVIRT
from xenproof.facts.logs import Log, Logs
from xenproof.facts.modules import MODULES
from xenproof.facts.packages import PACKAGES
from xenproof.facts.ports import PORTS, is_open
from xenproof.facts.processes import PROCESSES
from xenproof.facts.qemu import QEMU
from xenproof.facts.sshd import SSHD
from xenproof.facts.units import SYSTEMD_STATE, UNITS
from xenproof.facts.xl import XL_COMMANDS, XL_INFO, XL_LIST, Domain0
from xenproof.facts.xl_conf import XL_CONF_SETTINGS
from xenproof.probing.probes import packages_probe
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput, Recording

DATA = Path(__file__).parents[2] / "data" / "debian12-release"
PROFILE = load_profile("debian12")
GRUB_XEN = "/usr/lib/grub-xen/grub-x86_64-xen.bin"


def recording(change: Callable[[str], str] = lambda text: text) -> Recording:
    """The good host, with its text changed."""
    paths = DATA.glob("*.txt")
    outputs = {path.stem: ProbeOutput(path.stem, change(path.read_text("utf-8")).encode(), b"", 0) for path in paths}
    return Recording("recording", "2026-11-23T00:00:00+00:00", outputs)


def replaced(old: str, new: str) -> Recording:
    """The good host, with a text in place of another that has to be there."""
    host = recording(lambda text: text.replace(old, new))
    assert host.outputs != recording().outputs, old
    return host


GOOD = recording()


def test_packages() -> None:
    packages = PACKAGES.of(GOOD, PROFILE)
    assert packages.version("xen-utils-4.17").text == "4.17.5+72-g01140da4e8-1"
    assert packages.installed("dpkg").yes
    assert not packages.installed("xend").yes
    with pytest.raises(NotEvaluable, match="not installed"):
        packages.version("xend")


def test_a_removed_package_that_left_its_configuration_is_not_installed() -> None:
    packages = PACKAGES.of(replaced("ii \tbridge-utils\t", "rc \tbridge-utils\t"), PROFILE)
    assert not packages.installed("bridge-utils").yes


@pytest.mark.parametrize("said", ["warning: Found NDB database\n", "dpkg-query: warning: parsing file\n"])
def test_a_warning_is_no_package(said: str) -> None:
    found = PACKAGES.of(replaced("\n\n@@packages 0\n", f"\n{said}\n@@packages 0\n"), PROFILE)
    assert found == PACKAGES.of(GOOD, PROFILE)


@pytest.mark.parametrize("status", [0, 1])
def test_a_package_manager_that_leaves_packages_out_is_not_believed(status: int, tmp_path: Path) -> None:
    # rpm of a damaged header; it ends with 0.
    said = "error: rpmdbNextIterator: skipping h#      12 Header V3 RSA/SHA256 Signature, key ID 39db7c82: BAD"
    rpm = tmp_path / "rpm"
    rpm.write_text(f"#!/bin/sh\nprintf 'ii \\trpm\\t4.11.2-1\\n'; echo '{said}' >&2; exit {status}\n", "utf-8")
    rpm.chmod(0o755)
    head = shutil.which("head")
    assert head
    (tmp_path / "head").symlink_to(head)
    script = packages_probe(PROFILE).script
    done = subprocess.run(["/bin/sh", "-c", script], env={"PATH": str(tmp_path)}, capture_output=True, check=True)
    with pytest.raises(ParseError, match="skipping h#" if status == 0 else "exit code 1"):
        PACKAGES.parse(ProbeOutput("packages", done.stdout, done.stderr, 0))


def test_xl_info() -> None:
    info = XL_INFO.of(GOOD, PROFILE)
    assert info.value("xen_version") == "4.17.5"
    assert info.value("xen_changeset") == ""
    assert info.words("virt_caps") == ("pv", "hvm", "hap", "shadow", "gnttab-v1", "gnttab-v2")
    assert info.cpus == 2
    with pytest.raises(ParseError, match="no field 'xen_color'"):
        info.value("xen_color")


def test_xl_list() -> None:
    assert XL_LIST.of(GOOD, PROFILE) == Domain0(1024, 2)


def test_another_domain_than_0_is_refused() -> None:
    with pytest.raises(ParseError, match="domain 0"):
        XL_LIST.of(
            replaced("                                   0  1024", "                                   3  1024"),
            PROFILE,
        )


def test_xl_commands() -> None:
    commands = XL_COMMANDS.of(GOOD, PROFILE)
    assert commands.present("pci-assignable-remove").yes
    assert commands.present("list").yes
    assert not commands.present("new").yes
    assert not commands.present("WARNING:").yes


def test_an_xl_without_one_of_its_usual_subcommands_is_read() -> None:
    commands = XL_COMMANDS.of(replaced("\n create              ", "\n crate               "), PROFILE)
    assert not commands.present("create").yes
    assert commands.present("list").yes


def test_units() -> None:
    units = UNITS.of(GOOD, PROFILE)
    assert units.state("xen.service") == "active"
    assert units.enabled("xen.service") == "generated"
    assert units.enabled("libvirtd.socket") == "enabled"
    assert not units.exists("xend.service").yes
    with pytest.raises(NotEvaluable, match="no unit"):
        units.state("xend.service")
    with pytest.raises(ParseError, match="says nothing"):
        units.exists("never-asked.service")


def test_an_init_script_without_a_start_link_is_disabled() -> None:
    units = UNITS.of(recording(lambda text: text.replace("/S01xen\n", "/S01xen.off\n")), PROFILE)
    assert units.enabled("xen.service") == "disabled"


def test_systemd_state() -> None:
    state = SYSTEMD_STATE.of(GOOD, PROFILE)
    assert (state.state, state.failed) == ("running", ())


@pytest.mark.parametrize("mark", ["* ", "● ", ""])
def test_a_failed_unit_degrades_the_system(mark: str) -> None:
    row = f"@@list-units\n{mark}xen.service loaded failed failed LSB: Xen daemons\n"
    state = SYSTEMD_STATE.of(replaced("@@list-units\n", row), PROFILE)
    # The good row of the same unit comes later and wins; another unit shows what a failure does.
    row = row.replace("xen.service", "broken.service")
    state = SYSTEMD_STATE.of(replaced("@@list-units\n", row), PROFILE)
    assert (state.state, state.failed) == ("degraded", ("broken.service",))


def test_files() -> None:
    files = FILES.of(GOOD, PROFILE)
    assert files.file("/etc/xen/xl.conf") == File(0o100644, "root:root")
    assert files.file("/var/lib/libvirt/images") == File(0o40711, "root:root")
    assert files.file("/var/log/xen").mode == "02750"
    assert files.exists("/lib/modules/{release}/kernel/drivers/block/xen-blkback/xen-blkback.ko").yes
    assert not files.exists("/etc/init.d/xend").yes
    with pytest.raises(NotEvaluable, match="absent"):
        files.file("/etc/init.d/xend")
    with pytest.raises(ParseError, match="says nothing"):
        files.exists("/never/asked")


def test_a_file_that_was_listed_and_not_read_is_refused() -> None:
    with pytest.raises(ParseError, match="did not describe"):
        FILES.of(replaced(f"81a4 root:root {GRUB_XEN}\n", ""), PROFILE)


def test_a_missing_file_is_not_believed_to_a_reader_who_is_not_root() -> None:
    with pytest.raises(NotEvaluable, match="connect as root"):
        FILES.of(replaced("@@reader\nroot\n", "@@reader\nother\n"), PROFILE)


def test_commands() -> None:
    commands = COMMANDS.of(GOOD, PROFILE)
    assert str(commands.on_path("xl")) == "yes: /usr/sbin/xl"
    assert not commands.on_path("xm").yes
    assert COMMANDS.of(replaced("\nxm \n", "\nxm /usr/local/bin/xm\n"), PROFILE).on_path("xm").yes


def test_bridges() -> None:
    bridges = BRIDGES.of(GOOD, PROFILE)
    assert bridges.exists("xenbr0").yes
    assert bridges.up("xenbr0").yes
    assert bridges.has_port("xenbr0").yes
    assert not bridges.exists("eth0").yes
    with pytest.raises(NotEvaluable, match="no bridge"):
        bridges.up("br7")


@pytest.mark.parametrize(("ports", "own"), [("vif1.0 vif1.0-emu", False), ("", False), ("vif1.0 eth1", True)])
def test_ports_of_guests_do_not_connect_a_bridge(ports: str, own: bool) -> None:
    host = recording(lambda text: text.replace("0x1003 eth0\n", f"0x1003 {ports}".rstrip() + "\n"))
    assert BRIDGES.of(host, PROFILE).has_port("xenbr0").yes is own


def test_processes() -> None:
    processes = PROCESSES.of(GOOD, PROFILE)
    assert processes.running("xenconsoled").yes
    assert processes.running("xen-qemu-system-i386").yes, "the kernel cuts names to 15 letters"
    assert not processes.running("xend").yes
    assert "/usr/libexec/xen-qemu-system-i386" in processes.files.values()


def test_ports() -> None:
    ports = PORTS.of(GOOD, PROFILE)
    assert ports.listening("22").to_others
    assert is_open(True, ports.listening("22"))
    assert not ports.listening("8002").at_all
    assert is_open(False, ports.listening("8002"))
    # 8002 is 1F42
    xend = recording(lambda text: text.replace(":0016 00000000:0000 0A", ":1F42 00000000:0000 0A"))
    assert PORTS.of(xend, PROFILE).listening("8002").to_others


@pytest.mark.parametrize(
    ("address", "others"),
    [
        ("0100007F", False),
        ("3500007F", False),
        ("0F02000A", True),
        ("7F000001", True),
        ("00000000000000000000000001000000", False),
        ("0000000000000000FFFF00000100007F", False),
        ("0000000000000000FFFF00000F02000A", True),
        ("B80D01200000000000000000" + "01000000", True),
    ],
)
def test_a_port_of_loopback_is_not_open_to_others(address: str, others: bool) -> None:
    text = GOOD.outputs["host"].stdout.decode()
    text = re.sub(
        r"0{8}:0016 0{8}:0000 0A|0{32}:0016 0{32}:0000 0A", f"{address}:0016 {'0' * len(address)}:0000 0A", text
    )
    found = PORTS.parse(ProbeOutput("host", text.encode(), b"", 0)).listening("22")
    assert (found.to_others, found.at_all) == (others, True)
    assert is_open(True, found) is others
    assert not is_open(False, found)
    assert str(found).startswith("yes: " if others else "only to the host itself: ")


def test_modules() -> None:
    modules = MODULES.of(GOOD, PROFILE)
    assert modules.loaded("xen-gntdev").yes
    assert modules.loaded("xen-fbfront").seen == "built into the kernel"
    assert not modules.loaded("netbk").yes


def test_images() -> None:
    folder = IMAGES.of(GOOD, PROFILE).folder("/var/lib/libvirt/images")
    assert folder.filesystem == "ext4"
    assert 2000 < folder.free_mib < 4000


def test_sshd() -> None:
    sshd = SSHD.of(GOOD, PROFILE)
    assert sshd.value("permitrootlogin") in ("yes", "without-password")
    assert sshd.value("PubkeyAuthentication") == "yes"
    with pytest.raises(NotEvaluable, match="no option"):
        sshd.value("color")


def test_sshd_that_prints_its_options_in_mixed_case() -> None:
    """As OpenSSH of Debian sid does in November 2026."""
    change = partial(re.sub, r"(?m)^p(ort|ermit|ubkey|assword)", lambda found: f"P{found[1]}")
    sshd = SSHD.of(recording(change), PROFILE)
    assert sshd == SSHD.of(GOOD, PROFILE)
    assert "\nPermit" in recording(change).outputs["programs"].text


def test_libvirt() -> None:
    libvirt = LIBVIRT.of(GOOD, PROFILE)
    assert libvirt.connects.yes
    assert libvirt.driver == "Xen"
    assert libvirt.daemon == "9.0.0"
    assert libvirt.dom0_listed.yes


def test_an_error_of_virsh_is_the_hosts() -> None:
    text = "@@virsh\nerror: failed to connect to the hypervisor\nerror: no such file\n\n@@virsh 1\n"
    output = ProbeOutput("libvirt", text.encode(), b"", 0)
    libvirt = LIBVIRT.parse(output)
    assert not libvirt.connects.yes
    assert "failed to connect" in str(libvirt.connects)
    with pytest.raises(NotEvaluable, match="does not reach"):
        _ = libvirt.driver


def test_qemu() -> None:
    assert QEMU.of(GOOD, PROFILE).version == "7.2.22"


def test_xl_conf_without_settings_has_the_defaults() -> None:
    assert XL_CONF_SETTINGS.of(GOOD, PROFILE).value("autoballoon") == "unset"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('autoballoon="off"', "off"),
        ("  autoballoon = 'off'  # why", "off"),
        ("autoballoon=0;", "0"),
        ('#autoballoon="on"', "unset"),
        ("", "unset"),
    ],
)
def test_settings_of_xl_conf(line: str, value: str) -> None:
    first = "/etc/xen/xl.conf:## Global XL config file ##\n"
    conf = XL_CONF_SETTINGS.of(replaced(first, f"{first}/etc/xen/xl.conf:{line} \n"), PROFILE)
    assert conf.value("autoballoon") == value


def test_a_line_of_xl_conf_that_is_no_setting_is_refused() -> None:
    first = "/etc/xen/xl.conf:## Global XL config file ##\n"
    with pytest.raises(ParseError, match="expected a setting"):
        XL_CONF_SETTINGS.of(replaced(first, f'{first}/etc/xen/xl.conf:autoballoon="off\n'), PROFILE)


def test_logs() -> None:
    logs = Logs(GOOD, PROFILE)
    assert logs.readable("xl dmesg").yes
    assert "(XEN) " in logs.text("xl dmesg").text
    assert logs.readable("/var/log/xen").yes
    assert logs.readable("libvirtd.service").yes
    assert logs.rotated("/var/log/libvirt/libxl").yes
    assert logs.rotated("/var/log/libvirt/libvirtd.log").yes
    assert not logs.rotated("/var/log/xen").yes


def test_a_log_is_shown_by_its_last_line() -> None:
    assert str(Log("one\ntwo\n")) == "2 lines, the last: two"
    assert str(Log("")) == "no line"


def test_a_hypervisors_log_that_was_cleared_is_the_hosts_fault() -> None:
    def cleared(text: str) -> str:
        return re.sub(r"(?<=@@xl-dmesg\n).*?(?=\n@@xl-dmesg 0\n)", "", text, flags=re.DOTALL)

    logs = Logs(recording(cleared), PROFILE)
    assert not logs.readable("xl dmesg").yes
    assert logs.text("xl dmesg").text == ""


def test_an_xl_that_says_nothing_has_cleared_no_log() -> None:
    silent = recording(lambda text: re.sub(r"(@@xl-[a-z]+\n).*?(\n@@xl-[a-z]+ 0\n)", r"\1\2", text, flags=re.DOTALL))
    logs = Logs(silent, PROFILE)
    for ask in (logs.readable, logs.text):
        with pytest.raises(ParseError, match="'xl info' has no host"):
            ask("xl dmesg")
