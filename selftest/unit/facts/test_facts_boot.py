"""Boot options and Domain-0's share: configured, generated, running."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.boot import Boot
from xenproof.facts.dom0 import Dom0, dom0_mem, dom0_vcpus
from xenproof.facts.grub_defaults import GRUB_DEFAULTS, grub_defaults
from xenproof.facts.grub_menu import GRUB_MENU, GrubMenu, Submenu
from xenproof.facts.texts import Texts
from xenproof.facts.versions import Versions, built_as
from xenproof.profile.load import load_profile
from xenproof.profile.version import Scheme
from xenproof.source.probe import ProbeOutput, Recording

DATA = Path(__file__).parents[2] / "data" / "debian12-release"
PROFILE = load_profile("debian12")
XEN_DEFAULT = '/etc/default/grub:GRUB_CMDLINE_XEN_DEFAULT="dom0_mem=1024M,max:1024M dom0_max_vcpus=2"'
XEN = "4.17.5+72-g01140da4e8-1"


def recording(change: Callable[[str], str] = lambda text: text) -> Recording:
    paths = DATA.glob("*.txt")
    outputs = {path.stem: ProbeOutput(path.stem, change(path.read_text("utf-8")).encode(), b"", 0) for path in paths}
    return Recording("recording", "2026-11-23T00:00:00+00:00", outputs)


def replaced(old: str, new: str) -> Recording:
    host = recording(lambda text: text.replace(old, new))
    assert host.outputs != recording().outputs, old
    return host


GOOD = recording()


def defaults(*lines: str, more: tuple[str, ...] = ()) -> dict[str, str | None]:
    texts = Texts({"/etc/default/grub": lines, "/etc/default/grub.d/a.cfg": more}, frozenset())
    return dict(grub_defaults(texts).values)


@pytest.mark.parametrize("what", ["hypervisor", "kernel"])
def test_a_good_host_agrees_with_itself(what: str) -> None:
    boot = Boot(GOOD, PROFILE)
    assert boot.generated(what).yes, boot.generated(what)
    assert boot.running(what).yes, boot.running(what)
    assert boot.default_xen.yes


def test_a_configuration_that_was_not_generated_is_found() -> None:
    boot = Boot(replaced(XEN_DEFAULT, XEN_DEFAULT.replace("vcpus=2", "vcpus=4")), PROFILE)
    assert str(boot.generated("hypervisor")) == (
        "no: against the configuration, grub.cfg lacks dom0_max_vcpus=4 and has also dom0_max_vcpus=2"
    )
    assert boot.running("hypervisor").yes
    assert boot.generated("kernel").yes


def test_a_grub_cfg_that_was_not_booted_is_found() -> None:
    boot = Boot(
        replaced("xen_commandline        : placeholder loglvl=all ", "xen_commandline        : placeholder "), PROFILE
    )
    assert boot.generated("hypervisor").yes
    assert str(boot.running("hypervisor")) == "no: against grub.cfg, the running one lacks loglvl=all"


def test_another_default_entry_is_found() -> None:
    boot = Boot(replaced('set default="Debian GNU/Linux, with Xen hypervisor"', 'set default="0"'), PROFILE)
    assert str(boot.default_xen) == "no: the default entry is 'Debian GNU/Linux'"
    assert boot.generated("hypervisor").yes, "the first entry with Xen is compared"


@pytest.mark.parametrize("default", ["Debian GNU/Linux, with Xen 4.4.1", "99", "gone>0", "gone>gone"])
def test_a_default_that_is_gone_boots_the_first_entry(default: str) -> None:
    boot = Boot(replaced('set default="Debian GNU/Linux, with Xen hypervisor"', f'set default="{default}"'), PROFILE)
    assert str(boot.default_xen) == (
        f"no: the default entry is 'Debian GNU/Linux', the first of its menu, since none is called {default!r}"
    )
    assert boot.generated("hypervisor").yes, "the first entry with Xen is compared"


def test_a_default_that_is_gone_from_a_submenu_boots_its_first_entry() -> None:
    boot = Boot(replaced('set default="Debian GNU/Linux, with Xen hypervisor"', 'set default="3>gone>1"'), PROFILE)
    assert str(boot.default_xen) == (
        "yes: the default entry is 'Debian GNU/Linux, with Xen 4.17-amd64 and Linux 6.1.0-50-amd64 (recovery mode)'"
        ", the first of its menu, since none is called '3>gone>1'"
    )


def test_a_default_that_is_a_menu_without_an_entry_is_not_evaluable() -> None:
    menu = GrubMenu("/boot/grub/grub.cfg", (Submenu("empty", "empty", ()), GRUB_MENU.of(GOOD, PROFILE).entries[0]), "0")
    with pytest.raises(NotEvaluable, match="'0', is a menu without an entry"):
        _ = menu.default_entry


def test_a_saved_default_is_read_from_grubenv() -> None:
    def change(text: str) -> str:
        text = text.replace('set default="Debian GNU/Linux, with Xen hypervisor"', 'set default="${saved_entry}"')
        block = "/boot/grub/grubenv:# GRUB Environment Block\n"
        return text.replace(block, f"{block}/boot/grub/grubenv:saved_entry=3>0>0\n")

    menu = GRUB_MENU.of(recording(change), PROFILE)
    assert menu.default_entry.title == "Debian GNU/Linux, with Xen 4.17-amd64 and Linux 6.1.0-50-amd64"


def test_the_menu_is_a_tree() -> None:
    menu = GRUB_MENU.of(GOOD, PROFILE)
    assert next(entry.title for entry in menu.entries if entry.xen is not None) == menu.xen_entry.title
    assert menu.xen_entry.id.startswith("xen-gnulinux-simple-")
    assert len(menu.items) == 4


def test_options_that_a_platform_removes_are_no_difference() -> None:
    boot = Boot(
        replaced("dom0_max_vcpus=2\ncc_compiler", "dom0_max_vcpus=2 no-real-mode edd=off\ncc_compiler"), PROFILE
    )
    assert boot.running("hypervisor").yes


def test_xen_replace_variables_win() -> None:
    line = '/etc/default/grub:GRUB_CMDLINE_LINUX_XEN_REPLACE="console=hvc1"\n'
    boot = Boot(replaced(f"{XEN_DEFAULT}\n", f"{XEN_DEFAULT}\n{line}"), PROFILE)
    assert "lacks console=hvc1" in str(boot.generated("kernel"))


def test_grub_defaults_of_a_real_host() -> None:
    found = GRUB_DEFAULTS.of(GOOD, PROFILE)
    assert found.value("GRUB_CMDLINE_LINUX_DEFAULT") == "quiet net.ifnames=0"
    assert found.value("XEN_OVERRIDE_GRUB_DEFAULT") == "1"
    assert found.value("GRUB_DISTRIBUTOR") == "Debian"
    assert not found.present("GRUB_THEME").yes


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('A="x y"', "x y"),
        ("A='x $B y'", "x $B y"),
        ('A="x $B ${B} y"  # why', "x b b y"),
        ("A=x\\ y", "x y"),
        ("export A=x", "x"),
        ('A+="x"', "x"),
        ('A=""', ""),
        ("A=`id`", None),
        ('A="$(id)"', None),
        ('A="${B:-x}"', None),
        ("A=x id", None),
    ],
)
def test_assignments(line: str, value: str | None) -> None:
    assert defaults("B=b", line)["A"] == value


def test_a_quote_spans_lines() -> None:
    assert defaults('A="x', 'y"', "B=b") == {"A": "x\ny", "B": "b"}


def test_a_quote_without_end_is_refused() -> None:
    with pytest.raises(ParseError, match="no end"):
        defaults('A="x')


def test_files_of_grub_d_come_later_and_add() -> None:
    assert defaults("A=x", more=('A="$A y"',))["A"] == "x y"


def test_a_value_that_depends_on_a_condition_is_not_guessed() -> None:
    found = GRUB_DEFAULTS.of(GOOD, PROFILE)
    assert defaults("if true; then", "A=x", "fi", "B=b") == {"A": None, "B": "b"}
    assert found.present("GRUB_DEFAULT").yes


@pytest.mark.parametrize(
    ("option", "fixed_mib"),
    [
        ("dom0_mem=1024M", 1024),
        ("dom0_mem=1024M,max:1024M", 1024),
        ("dom0_mem=1G,max:1024M", 1024),
        ("dom0_mem=min:512M,max:512M", 512),
        ("dom0_mem=1048576", 1024),
        ("dom0_mem=0x400m", 1024),
        ("dom0_mem=1024M,max:2048M", None),
        ("dom0_mem=min:512", None),
        ("dom0_mem=max:2G", None),
        ("dom0_mem=2G,min:1G", None),
    ],
)
def test_dom0_mem(option: str, fixed_mib: int | None) -> None:
    found = dom0_mem([option])
    assert found is not None
    assert found.fixed_mib == fixed_mib


def test_a_bare_number_of_dom0_mem_is_kib() -> None:
    assert dom0_mem(["dom0_mem=min:512"]) is not None
    found = dom0_mem(["dom0_mem=min:512"])
    assert found is not None
    assert found.least == 512 << 10


def test_the_last_dom0_mem_wins() -> None:
    found = dom0_mem(["dom0_mem=1G", "loglvl=all", "dom0_mem=2G"])
    assert found is not None
    assert found.fixed_mib == 2048
    assert dom0_mem(["loglvl=all"]) is None


@pytest.mark.parametrize("option", ["dom0_mem=50%", "dom0_mem=-1G", "dom0_mem=", "dom0_mem=soft:1G", "dom0_mem=08"])
def test_other_dom0_mem_is_not_evaluable(option: str) -> None:
    with pytest.raises(NotEvaluable, match="part"):
        dom0_mem([option])


@pytest.mark.parametrize("option", ["dom0_mem=50%", "dom0_mem=-1G", "dom0_mem=", "dom0_mem=1G,max:-1G"])
def test_a_dom0_mem_that_fixes_no_size_does_not_pin_the_memory(option: str) -> None:
    dom0 = Dom0(
        replaced(" dom0_mem=1024M,max:1024M dom0_max_vcpus=2\ncc_", f" {option} dom0_max_vcpus=2\ncc_"), PROFILE
    )
    assert not dom0.pinned("memory").yes
    assert "which is no fixed size" in dom0.pinned("memory").seen
    with pytest.raises(NotEvaluable, match="no fixed size"):
        dom0.running("memory")


@pytest.mark.parametrize(
    ("value", "vcpus"),
    [("2", 2), ("16", 16), ("1-4", 4), ("1-16", 8), ("12-16", 12), ("4-", 8), ("12-", 12), ("-4", 4)],
)
def test_dom0_max_vcpus_on_eight_cpus(value: str, vcpus: int) -> None:
    assert dom0_vcpus([f"dom0_max_vcpus={value}"], 8) == vcpus


def test_dom0_is_what_its_options_say() -> None:
    dom0 = Dom0(GOOD, PROFILE)
    assert dom0.pinned("memory").yes
    assert dom0.running("memory").yes
    assert dom0.pinned("vcpus").yes
    assert dom0.running("vcpus").yes
    assert dom0.control.yes


def test_a_dom0_that_was_ballooned_down_is_found() -> None:
    dom0 = Dom0(replaced("0  1024     2 ", "0   700     2 "), PROFILE)
    assert str(dom0.running("memory")) == "no: Domain-0 has 700 MiB of 1024 MiB"
    assert dom0.pinned("memory").yes


@pytest.mark.parametrize(
    ("seen", "installed", "same"),
    [
        (f"4.17.7 4.17.7 (Debian {XEN}) (gcc (Debian 12.2.0-14+deb12u1) 12.2.0)", XEN, True),
        (f"4.17.7 4.17.7 (Debian {XEN}) (gcc (Debian 12.2.0-14+deb12u1) 12.2.0)", f"{XEN[:-1]}2", False),
        ("4.14.6 4.14.6 (Debian 4.14.6-1) (gcc (Debian 10.2.1-6) 10.2.1)", "4.14.6-1", True),
        ("4.14.6 4.14.6 (Debian 4.14.6-1) (gcc (Debian 10.2.1-6) 10.2.1)", "4.14.6-2", False),
        ("6.1.0-56 #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", "6.1.192-2", True),
        ("6.1.0-56 #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)", "6.1.195-1", False),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", "1:7.2+dfsg-7+deb12u18+b3", True),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", "1:7.2+dfsg-7+deb12u18+b4", False),
        ("9.0.0", "9.0.0-4+deb12u2", True),
        ("9.0.0", "9.0.01-4", False),
        ("8.0.0", "9.0.0-4+deb12u2", False),
        ("4.4.1_06-2.2", "4.4.1_06-2.2", True),
        ("4.4.1_06-2.2", "4.4.1_10-9.1", False),
        ("4.4.4_40-22.77", "4.4.4_40-22.77.1", True),
        ("4.4.4_40-22.77", "4.4.4_40-22.78.1", False),
        ("4.4.4_40-22.7", "4.4.4_40-22.77.1", False),
        ("Debian 4.14.6-1", "4.14.6-1.1", False),
        ("3.12.28-4 #1 SMP Thu Sep 25 17:02:34 UTC 2014 (9879bd4)", "3.12.28-4.6", True),
        ("3.12.28-4 #1 SMP Thu Sep 25 17:02:34 UTC 2014 (9879bd4)", "3.12.32-33.1", False),
    ],
)
def test_running_and_installed_versions(seen: str, installed: str, same: bool) -> None:
    scheme: Scheme = "deb" if "deb" in (seen + installed).lower() else "rpm"
    assert built_as(seen, installed, scheme) is same


@pytest.mark.parametrize("what", ["hypervisor", "kernel", "libvirt", "qemu"])
def test_what_runs_is_what_is_installed(what: str) -> None:
    versions = Versions(GOOD, PROFILE)
    expected = PROFILE.get("versions", what, "agrees_with")
    assert expected is not None
    assert versions.agrees(what, expected.text).yes
    assert versions.running(what).text[0].isdecimal()


@pytest.mark.parametrize("what", ["libvirt", "qemu"])
def test_what_xl_is_not_asked_for_needs_no_xl(what: str) -> None:
    versions = Versions(recording(lambda text: text.replace("xen_version ", "?")), PROFILE)
    expected = PROFILE.get("versions", what, "agrees_with")
    assert expected is not None
    assert versions.agrees(what, expected.text).yes


def test_an_update_that_waits_for_a_reboot_is_found() -> None:
    versions = Versions(
        replaced(f"\txen-hypervisor-4.17-amd64\t{XEN}", f"\txen-hypervisor-4.17-amd64\t{XEN}.1"), PROFILE
    )
    assert not versions.agrees("hypervisor", "xen-hypervisor-4.17-amd64").yes


def test_a_replaced_file_of_a_running_qemu_is_found() -> None:
    old = " /usr/libexec/xen-qemu-system-i386\n"
    versions = Versions(recording(lambda text: text.replace(old, f"{old[:-1]} (deleted)\n", 1)), PROFILE)
    assert "was replaced" in str(versions.agrees("qemu", "qemu-system-xen"))
    assert versions.agrees("libvirt", "libvirt-daemon").yes


def test_a_libvirtd_that_was_updated_and_not_restarted_is_found() -> None:
    def with_file(text: str, remark: str) -> str:
        return re.sub(r"^(\d+) libvirtd$", rf"\1 libvirtd\n\1 /usr/sbin/libvirtd{remark}", text, flags=re.MULTILINE)

    old = Versions(recording(lambda text: with_file(text, " (deleted)")), PROFILE)
    assert "the file of a running libvirt was replaced" in str(old.agrees("libvirt", "libvirt-daemon"))
    assert old.agrees("qemu", "qemu-system-xen").yes
    assert Versions(recording(lambda text: with_file(text, "")), PROFILE).agrees("libvirt", "libvirt-daemon").yes


def test_a_log_that_lost_its_beginning_says_nothing_of_the_build() -> None:
    versions = Versions(replaced("(XEN) Xen version ", "(XEN) lost "), PROFILE)
    with pytest.raises(NotEvaluable, match="first lines"):
        versions.agrees("hypervisor", "xen-hypervisor-4.17-amd64")
