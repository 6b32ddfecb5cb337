"""The profiles of SLES: what they promise, what they must not, and how they differ."""

import functools
import itertools
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from xenproof.profile.expectation import Expectation, Level, Status
from xenproof.profile.load import list_profiles, load_profile
from xenproof.profile.profile import Profile
from xenproof.profile.version import in_range

ROOT = Path(__file__).parents[3]
# Printed by a real Xen 4.4.1, as released upstream.
XEN_4_4_1 = ROOT / "selftest" / "data" / "corpus" / "xen-4.4.1"
GUEST = "guest"

PVOPS = ("sles-pvops", "sles")
CHAINS = {
    "sles": (),
    "sles-xenlinux": ("sles",),
    "sles-pvops": ("sles",),
    "sles11-sp4": (),
    "sles12": ("sles-xenlinux", "sles"),
    "sles12-updates": ("sles12", "sles-xenlinux", "sles"),
    "sles12-sp1": ("sles-xenlinux", "sles"),
    "sles12-sp2": PVOPS,
    "sles12-sp3": PVOPS,
    "sles12-sp4": PVOPS,
    "sles12-sp5": PVOPS,
    "sles15": PVOPS,
    "sles15-sp1": ("sles15", *PVOPS),
    "sles15-sp2": ("sles15", *PVOPS),
    "sles15-sp3": ("sles15", *PVOPS),
    "sles15-sp4": ("sles15", *PVOPS),
    "sles15-sp5": ("sles15-sp4", "sles15", *PVOPS),
    "sles15-sp6": ("sles15-sp4", "sles15", *PVOPS),
    "sles15-sp7": ("sles15-sp4", "sles15", *PVOPS),
}
PARENTS = ("sles", "sles-xenlinux", "sles-pvops")
RELEASES = [name for name in CHAINS if name not in PARENTS]
WITH_XL = [name for name in RELEASES if name != "sles11-sp4"]
IN_ORDER = [f"sles12{pack}" for pack in ("", "-sp1", "-sp2", "-sp3", "-sp4", "-sp5")] + [
    f"sles15{pack}" for pack in ("", "-sp1", "-sp2", "-sp3", "-sp4", "-sp5", "-sp6", "-sp7")
]


@functools.cache
def loaded(name: str) -> Profile:
    return load_profile(name)


def of_hosts(profile: Profile) -> list[Expectation]:
    return [found for found in profile.expectations.values() if found.family != GUEST]


def expected(name: str, family: str, entry: str, attribute: str) -> Expectation:
    found = loaded(name).get(family, entry, attribute)
    assert found is not None, f"{name} expects nothing of {family}.{entry}.{attribute}"
    return found


def value(name: str, family: str, entry: str, attribute: str) -> object:
    return expected(name, family, entry, attribute).value


def transcript(name: str) -> list[str]:
    lines = (XEN_4_4_1 / name).read_text("utf-8").splitlines()
    assert lines, name
    return lines


def test_every_profile_of_the_folder_loads() -> None:
    for name in list_profiles():
        assert loaded(name).expectations, name


def test_each_profile_of_sles_has_its_ancestors() -> None:
    assert {name for name in list_profiles() if name.startswith("sles")} == set(CHAINS)
    for name, ancestors in CHAINS.items():
        assert loaded(name).chain == (name, *ancestors)
        assert loaded(name).scheme == "rpm"


@pytest.mark.parametrize("name", PARENTS)
def test_a_parent_names_no_version_and_says_so(name: str) -> None:
    assert loaded(name).select("packages.*.version") == []
    assert loaded(name).select("versions.*.running") == []
    assert "not meant to be used by itself" in (ROOT / "profiles" / f"{name}.yaml").read_text("utf-8")


@pytest.mark.parametrize(("name", "least"), [("sles12", 250), ("sles11-sp4", 100)])
def test_there_are_enough_expectations_of_a_host(name: str, least: int) -> None:
    assert len(of_hosts(loaded(name))) >= least


@pytest.mark.parametrize("name", WITH_XL)
def test_every_release_with_xl_has_as_many(name: str) -> None:
    assert len(of_hosts(loaded(name))) >= 250


@pytest.mark.parametrize("name", WITH_XL)
def test_every_requirement_of_a_host_is_carried(name: str) -> None:
    rows = YAML(typ="safe", pure=True).load(ROOT / "docs" / "requirements.yaml")
    wanted = {requirement for requirement, row in rows.items() if "host" in row["kind"]}
    assert len(wanted) == 18
    carried = {requirement for found in of_hosts(loaded(name)) for requirement in found.req}
    assert wanted - carried == set()


@pytest.mark.parametrize("name", CHAINS)
def test_nothing_was_measured_on_a_host_of_sles(name: str) -> None:
    found = loaded(name).expectations.values()
    assert [expectation.key for expectation in found if expectation.status is Status.VERIFIED] == []


@pytest.mark.parametrize("name", CHAINS)
def test_a_supposition_is_only_information(name: str) -> None:
    found = [e for e in loaded(name).expectations.values() if "generally said" in e.source]
    assert {expectation.level for expectation in found} <= {Level.INFO}


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_told_by_its_own_versions(name: str) -> None:
    profile = loaded(name)
    told = [*profile.select("versions.hypervisor.running"), *profile.select("hypervisor.xen_minor.is")]
    assert told, f"{name} says of no Xen that it is its own"


def test_consecutive_releases_differ_in_their_xen() -> None:
    xen = [value(name, "hypervisor", "xen_minor", "is") for name in IN_ORDER]
    # SLES 15 is older than the last service packs of 12; its SP1 has the Xen of 12 SP5.
    assert list(map(int, map(str, xen))) == [4, 5, 7, 9, 11, 12, 10, 12, 13, 14, 16, 17, 18, 20]
    for older, newer in itertools.pairwise(IN_ORDER):
        ours, theirs = loaded(older), loaded(newer)
        assert ours.digest != theirs.digest
        number = ("settings", "/etc/os-release:VERSION_ID", "is")
        assert ours.expectations[number].value != theirs.expectations[number].value, newer


def test_updates_of_sles12_take_the_whole_line_and_ga_only_its_own() -> None:
    installed = ("packages", "xen", "version")
    builds = {
        "4.4.1_06-2.2": "sles12 sles12-updates",
        "4.4.4_40-22.77.1": "sles12-updates",
        "4.5.2_02-4.1": "sles12-sp1",
    }
    for build, names in builds.items():
        for name in ("sles12", "sles12-updates", "sles12-sp1"):
            range_ = expected(name, *installed).text
            assert in_range(build, range_, "rpm") is (name in names.split()), (build, name)


# The words of xl info and of packages on a SLES 12 host, as far as they are known.
@pytest.mark.parametrize("words", ["4.4.1_06-2.2", "4.4.1_06-2", "4.4.1_06"])
def test_each_way_in_which_ga_may_name_itself_is_accepted(words: str) -> None:
    assert in_range(words, expected("sles12", "versions", "hypervisor", "running").text, "rpm")
    assert in_range(words, expected("sles12", "hypervisor", "xen_version", "range").text, "rpm")


def test_the_running_kernel_of_ga_is_accepted_and_later_ones_are_not() -> None:
    range_ = expected("sles12", "versions", "kernel", "running").text
    assert in_range("3.12.28-4-xen", range_, "rpm")
    assert not in_range("3.12.32-33-xen", range_, "rpm")
    assert in_range("3.12.61-52.128-xen", expected("sles12-updates", "versions", "kernel", "running").text, "rpm")
    assert in_range("3.12.49-11-xen", expected("sles12-sp1", "versions", "kernel", "running").text, "rpm")


# What the slide deck says and the product does not do.
def test_spice_is_not_promised_for_ga_but_for_its_updates() -> None:
    assert value("sles12", "qemu_options", "spice", "present") is False
    assert value("sles12-updates", "qemu_options", "spice", "present") is True
    assert value("sles12-sp1", "qemu_options", "spice", "present") is True


def test_ga_has_three_units_of_xen_and_service_packs_have_the_split_ones() -> None:
    split = ("xenstored.service", "xenconsoled.service", "xen-init-dom0.service", "xen-qemu-dom0-disk-backend.service")
    three = ("xencommons.service", "xendomains.service", "xen-watchdog.service")
    for name in ("sles12", "sles12-updates"):
        there = {unit for unit in loaded(name).entries("units") if value(name, "units", unit, "exists")}
        assert {unit for unit in there if "xen" in unit} == set(three)
    for name in WITH_XL[2:]:
        assert all(value(name, "units", unit, "exists") for unit in (*three, *split)), name
    # Its state would have nothing to be about.
    assert [e.key for e in loaded("sles12").select("units.*.active") if e.name in split] == []


def test_kernel_xen_ends_with_sp1() -> None:
    for name in WITH_XL:
        flavour, kind = (
            ("xen", "xenlinux") if name in IN_ORDER[:2] or name == "sles12-updates" else ("default", "pvops")
        )
        assert value(name, "kernel", "flavour", "is") == flavour, name
        assert value(name, "kernel", "kind", "is") == kind, name
        assert value(name, "modules", "netbk", "loaded") is (kind == "xenlinux"), name
        assert value(name, "modules", "xen-netback", "loaded") is (kind == "pvops"), name
        assert value(name, "packages", "kernel-xen", "installed") is (kind == "xenlinux"), name
        assert value(name, "mounts", "/proc/xen", "mounted") is (kind == "pvops"), name


def test_grub_xen_is_where_the_release_has_it() -> None:
    for name in WITH_XL:
        folder = "/usr/share/grub2" if name.startswith("sles15") else "/usr/lib/grub2"
        path = f"{folder}/x86_64-xen/grub.xen"
        assert value(name, GUEST, "grub_xen", "path") == path
        assert value(name, "files", path, "exists") is True
        there = [e.name for e in loaded(name).select("files.*.exists") if e.value and e.name.endswith("/grub.xen")]
        assert there == [path], name


@pytest.mark.parametrize("name", CHAINS)
def test_no_slip_of_the_deck_is_an_expectation(name: str) -> None:
    profile = loaded(name)
    said = [f"{found.key} {found.value}" for found in profile.expectations.values()]
    # A speed that lacks a digit, 512 that is KiB, and rcxendomains misread.
    assert [text for text in said if re.search(r"\b11520\b|min:512\b|rexend", text)] == []
    for port in ("8002", "8000"):
        assert (found := profile.get("ports", port, "listening")) is None or found.value is False
    assert not any(found.value for found in profile.select("modules.blktap.loaded"))


def test_xend_is_gone_though_the_blktap2_tools_stay() -> None:
    for name in WITH_XL:
        gone = [found for found in loaded(name).expectations.values() if "S09" in found.req]
        assert {"packages", "files", "units", "commands", "processes", "ports"} <= {found.family for found in gone}
        for path in ("/usr/sbin/xend", "/usr/sbin/xm", "/etc/xen/xend-config.sxp"):
            found = expected(name, "files", path, "exists")
            assert (found.value, found.level) == (False, Level.MUST)
    assert value("sles12", "files", "/usr/sbin/tap-ctl", "exists") is True


# A SLES 11 host must fail sles12, and the other way round.
def test_the_negative_control_contradicts_sles12_where_both_are_sure() -> None:
    old, new = loaded("sles11-sp4"), loaded("sles12")
    opposite = [
        (old.expectations[path], new.expectations[path])
        for path in old.expectations.keys() & new.expectations.keys()
        if isinstance(old.expectations[path].value, bool)
        and old.expectations[path].value is not new.expectations[path].value
    ]
    assert {ours.name for ours, _ in opposite} >= {"/usr/sbin/xend", "xm", "/etc/xen/xend-config.sxp", "journalctl"}
    # What a host of 11 has and 12 forbids fails it.
    assert len([theirs for _, theirs in opposite if theirs.level is Level.MUST]) >= 5
    kernel = ("packages", "kernel-xen", "version")
    assert not in_range("3.0.101-63", expected("sles12", *kernel).text, "rpm")
    assert not in_range("3.12.28-4.6", expected("sles11-sp4", *kernel).text, "rpm")
    running = ("versions", "kernel", "running")
    assert not in_range("3.12.28-4-xen", expected("sles11-sp4", *running).text, "rpm")
    assert not in_range("3.0.101-63-xen", expected("sles12", *running).text, "rpm")
    assert {expected(name, *running).level for name in ("sles11-sp4", "sles12")} == {Level.MUST}


def test_the_negative_control_has_no_systemd_and_no_grub_2() -> None:
    profile = loaded("sles11-sp4")
    assert not {"units", "systemd", "grub", "boot", "xl_commands", "libvirt", GUEST} & {
        path[0] for path in profile.expectations
    }
    assert value("sles11-sp4", "settings", "/etc/sysconfig/bootloader:LOADER_TYPE", "one_of") == ["grub"]


# What a real xl 4.4.1 printed.
def test_the_subcommands_of_ga_are_those_that_xl_4_4_1_lists() -> None:
    listed = {found[1] for line in transcript("xl_help.out") if (found := re.match(r" ([a-z][a-z0-9-]+)(?: |$)", line))}
    commands = {found.name: found.value for found in loaded("sles12").select("xl_commands.*.present")}
    assert {name for name, present in commands.items() if present} == listed
    assert len(listed) == 73


@pytest.mark.parametrize("command", ["new", "start", "delete", "suspend", "resume"])
def test_a_subcommand_of_xm_is_none_of_xl_4_4_1(command: str) -> None:
    assert transcript(f"xl_{command}.err") == ["command not implemented"]
    assert value("sles12", "xl_commands", command, "present") is False


def test_what_ga_expects_of_xl_info_is_in_what_xl_4_4_1_printed() -> None:
    fields = {
        name.strip(): text.strip() for name, _, text in (line.partition(":") for line in transcript("xl_info.out"))
    }
    profile = loaded("sles12")
    assert set(profile.entries("hypervisor")) <= set(fields)
    # SUSE's own: its packages' suffix, its builder.  The rest is the same whoever built it.
    vendor = {"xen_extra", "xen_changeset", "cc_compile_by", "cc_compile_domain"}
    plain = {found.name: found.value for found in profile.select("hypervisor.*.is") if found.name not in vendor}
    assert plain == {name: fields[name] for name in plain}
    for found in profile.select("hypervisor.*.has"):
        assert set(found.names) <= set(fields[found.name].split()), found.key
    assert len(plain) >= 6


def test_what_ga_expects_of_xenstore_is_in_what_xen_4_4_1_had() -> None:
    entries = dict(line.split(" = ", 1) for line in transcript("xenstore-ls_-f_dom0only.out"))
    profile = loaded("sles12")
    assert set(profile.entries("xenstore")) <= set(entries)
    for found in profile.select("xenstore.*.is"):
        assert entries[found.name] == f'"{found.value}"'


@pytest.mark.parametrize("name", WITH_XL)
def test_each_setting_of_xl_conf_is_one_that_this_xl_reads(name: str) -> None:
    known = expected(name, "xl_conf_keys", "used", "known").names
    assert set(loaded(name).entries("xl_conf")) <= set(known)


def test_the_keys_of_xl_conf_only_become_more() -> None:
    by_xen = {
        int(str(value(name, "hypervisor", "xen_minor", "is"))): expected(name, "xl_conf_keys", "used", "known").names
        for name in IN_ORDER
    }
    # sles12-dom0.md names these; domid_policy and max_grant_frames came later.
    assert len(by_xen[4]) == 12
    assert not {"domid_policy", "max_grant_frames"} & set(by_xen[4])
    for older, newer in itertools.pairwise(sorted(by_xen)):
        assert set(by_xen[older]) <= set(by_xen[newer]), (older, newer)


# The README's own examples.
def profiles_of_the_readme() -> list[str]:
    blocks = re.findall(r"```yaml\n(name: .*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert blocks, "README.md shows no profile of a site"
    return blocks


@pytest.mark.parametrize("text", profiles_of_the_readme())
def test_a_profile_of_the_readme_can_be_used(text: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    profile = load_profile(str(path))
    assert len(profile.chain) > 1
    assert len(text.splitlines()) <= 6
    assert any(found.profile == profile.name for found in profile.expectations.values())
