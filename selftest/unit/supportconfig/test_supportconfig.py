"""The source supportconfig://: what it tells, what it cannot, and what is no supportconfig."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.supportconfigs.host import (
    PS,
    RELEASE,
    UNITS,
    absent,
    command,
    configuration,
    files,
    write_archive,
    write_folder,
)
from xenproof.errors import NotADom0, NotEvaluable, ParseError, SourceError, XenproofError
from xenproof.facts.boot import Boot
from xenproof.facts.bridges import BRIDGES
from xenproof.facts.commands import COMMANDS
from xenproof.facts.families import FAMILIES, probes
from xenproof.facts.files import FILES
from xenproof.facts.identity import PROBE, parse_identity
from xenproof.facts.images import IMAGES
from xenproof.facts.integrity import INTEGRITY
from xenproof.facts.kernel import KERNEL
from xenproof.facts.logs import Logs
from xenproof.facts.modules import MODULES
from xenproof.facts.mounts import MOUNTS
from xenproof.facts.packages import PACKAGES
from xenproof.facts.ports import PORTS
from xenproof.facts.processes import PROCESSES
from xenproof.facts.texts import TEXTS
from xenproof.facts.units import SYSTEMD_STATE
from xenproof.facts.units import UNITS as UNIT_FAMILY
from xenproof.facts.versions import Versions
from xenproof.facts.xl import XL_DMESG, XL_INFO, XL_LIST
from xenproof.facts.xl_conf import XL_CONF_SETTINGS
from xenproof.probing.sections import section_names, sections
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.supportconfig.blocks import parse_blocks
from xenproof.supportconfig.source import read_supportconfig

PROFILE_TEXT = """\
name: small
title: What the made up supportconfig is held against
scheme: rpm
families:
  files:
    defaults: {req: [S01], source: the test, status: documented}
    /boot/grub2/grub.cfg: {exists: true, type: file, mode: "0600", owner: "root:root"}
    /boot/xen.gz: {type: symlink}
    /boot/none: {exists: false}
    /etc/xen/xl.conf: {exists: true, type: file}
    /etc/xen/none.conf: {exists: false}
    /usr/sbin/xend: {exists: false}
    "/boot/vmlinuz-{release}": {exists: true}
  units:
    defaults: {req: [S05], source: the test, status: documented}
    xencommons.service: {active: active, enabled: enabled}
    xen-watchdog.service: {active: inactive, enabled: disabled}
    xend.service: {exists: false}
    boot.xen.service: {active: active, enabled: generated}
  commands:
    defaults: {req: [S10], source: the test, status: documented}
    xl: {on_path: true}
    virsh: {on_path: false}
    xm: {on_path: false}
  images:
    defaults: {req: [S03], source: the test, status: documented}
    /var/lib/libvirt/images: {filesystem: [btrfs]}
    /var/lib/xen/images: {filesystem: [btrfs]}
  logs:
    defaults: {req: [S17], source: the test, status: documented}
    /var/log/xen: {readable: true, rotated: true}
    /var/log/xen/xl-guest1.log: {readable: true, rotated: true, mentions: Waiting}
    /var/log/xen/other.log: {readable: true}
    xencommons.service: {readable: true}
  modules:
    defaults: {req: [S08], source: the test, status: documented}
    netbk: {loaded: true}
"""


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE_TEXT, "utf-8")
    return load_profile(str(path))


class Reader(Protocol):
    def __call__(self, changes: Mapping[str, str], other: Profile | None = None) -> Recording: ...


@pytest.fixture
def read(tmp_path: Path, profile: Profile) -> Reader:
    def with_files(changes: Mapping[str, str], other: Profile | None = None) -> Recording:
        """The host with some of its texts changed; an empty one is taken away."""
        texts = {name: text for name, text in {**files(), **changes}.items() if text}
        return read_supportconfig("supportconfig://x", write_folder(tmp_path / "folder", texts), other or profile)

    return with_files


@pytest.fixture
def recording(read: Reader) -> Recording:
    return read({})


@pytest.mark.parametrize("kind", ["xz", "bz2", "gz", ""])
def test_an_archive_is_as_good_as_its_directory(
    tmp_path: Path, recording: Recording, profile: Profile, kind: str
) -> None:
    archive = write_archive(tmp_path / "scc.any", files(), kind)
    found = read_supportconfig("supportconfig://x", archive, profile)
    assert found.outputs == recording.outputs


@pytest.mark.parametrize("name", ["sles12", "sles15"])
def test_each_section_is_written_and_each_family_read_or_not_evaluable(tmp_path: Path, name: str) -> None:
    profile = load_profile(name)
    recording = read_supportconfig("supportconfig://x", write_folder(tmp_path / "folder", files()), profile)
    for probe in probes(profile):
        assert list(sections(recording.output(probe))) == section_names(probe.script)
    known = 0
    for family in FAMILIES:
        try:
            family.of(recording, profile)
            known += 1
        except NotEvaluable as error:
            assert "supportconfig" in str(error), family.name  # noqa: PT017  # either is right, nothing else is
    assert known >= 14


def test_it_says_what_it_is(recording: Recording) -> None:
    identity = parse_identity(recording.output(PROBE))
    assert (identity.kind, identity.system) == ("supportconfig", "SUSE Linux Enterprise Server 12")
    assert (identity.kernel, identity.xl) == (RELEASE, "/usr/sbin/xl")
    identity.require_dom0("supportconfig://x")
    assert recording.about["source"] == "supportconfig, not a running host, collected Thu Nov 20 12:00:00 CET 2014"


def test_what_xl_printed(recording: Recording, profile: Profile) -> None:
    assert XL_INFO.of(recording, profile).value("xen_version") == "4.4.1"
    assert XL_LIST.of(recording, profile).mem_mib == 1024
    assert "(XEN) " in XL_DMESG.of(recording, profile)


def test_packages_are_those_of_the_list(recording: Recording, profile: Profile) -> None:
    packages = PACKAGES.of(recording, profile)
    assert packages.version("xen-tools").text == "4.4.1_06-2.2"
    assert packages.version("libvirt-daemon-config-network-of-a-long-name").text == "1.2.5-13.3"
    assert len(packages.versions) == 7


def test_running_versions_are_compared_with_installed_ones(recording: Recording, profile: Profile) -> None:
    versions = Versions(recording, profile)
    assert versions.running("kernel").text == "5.10.0-32-amd64"  # xl's, whose transcript is from another kernel
    assert TEXTS.of(recording, profile).line("/proc/sys/kernel/version").startswith("#1 SMP Thu Sep 25")


def test_units_are_as_they_were_shown(recording: Recording, profile: Profile) -> None:
    units = UNIT_FAMILY.of(recording, profile)
    assert (units.state("xencommons.service"), units.enabled("xencommons.service")) == ("active", "enabled")
    assert (units.state("xen-watchdog.service"), units.enabled("xen-watchdog.service")) == ("inactive", "disabled")
    assert not units.exists("xend.service").yes
    assert units.state("boot.xen.service") == "active"
    with pytest.raises(NotEvaluable, match="start links"):
        units.enabled("boot.xen.service")
    state = SYSTEMD_STATE.of(recording, profile)
    assert (state.state, state.failed) == ("degraded", ("broken.service",))


def test_without_the_list_of_unit_files_an_unloaded_unit_is_unknown(read: Reader, profile: Profile) -> None:
    text = files()["systemd.txt"].replace("list-unit-files", "list-something")
    units = UNIT_FAMILY.of(read({"systemd.txt": text}), profile)
    with pytest.raises(NotEvaluable, match="does not tell whether there is a unit xend"):
        units.exists("xend.service")
    assert units.exists("xencommons.service").yes


def test_files_are_known_by_listings_by_their_text_or_not_at_all(recording: Recording, profile: Profile) -> None:
    found = FILES.of(recording, profile)
    grub = found.file("/boot/grub2/grub.cfg")
    assert (grub.type, grub.mode, grub.owner) == ("file", "0600", "root:root")
    assert found.file("/boot/xen.gz").type == "symlink"
    assert found.exists("/boot/vmlinuz-{release}").yes
    assert not found.exists("/boot/none").yes
    assert found.exists("/etc/xen/xl.conf").yes
    assert not found.exists("/etc/xen/none.conf").yes
    for unknown in (
        lambda: found.file("/etc/xen/xl.conf").mode,
        lambda: found.file("/etc/xen/xl.conf").owner,
        lambda: found.exists("/usr/sbin/xend"),
    ):
        with pytest.raises(NotEvaluable):
            unknown()


def test_configuration_is_read_without_its_comments(recording: Recording, profile: Profile) -> None:
    assert XL_CONF_SETTINGS.of(recording, profile).settings == {"autoballoon": "off"}
    boot = Boot(recording, profile)
    assert boot.default_xen.yes
    assert boot.generated("hypervisor").yes
    assert boot.running("kernel").yes
    assert not boot.running("hypervisor").yes  # the transcript has other options


def test_without_env_txt_a_drop_in_may_have_more_options(read: Reader, profile: Profile) -> None:
    boot = Boot(read({"env.txt": ""}), profile)
    with pytest.raises(NotEvaluable, match="does not collect /etc/default/grub"):
        boot.generated("hypervisor")


def test_packages_that_were_verified_are_judged(tmp_path: Path) -> None:
    sles = load_profile("sles12")
    recording = read_supportconfig("supportconfig://x", write_folder(tmp_path / "folder", files()), sles)
    integrity = INTEGRITY.of(recording, sles)
    assert str(integrity.changes("xen")) == "none"
    changes = integrity.changes("xen-tools")
    assert dict(changes.files) == {"/var/log/xen": "mode, user, group", "/usr/sbin/xl": "missing"}
    assert dict(changes.configuration) == {"/etc/xen/xl.conf": "size, content"}
    with pytest.raises(NotEvaluable, match="is not installed"):
        integrity.changes("libvirt-client")
    with pytest.raises(NotEvaluable, match="does not verify the package grub2-x86_64-xen"):
        integrity.changes("grub2-x86_64-xen")


def test_a_line_of_rpm_that_is_no_difference_is_an_error(read: Reader) -> None:
    sles = load_profile("sles12")
    text = files()["xen.txt"].replace("missing     /usr/sbin/xl", "rpmdb: damaged")
    with pytest.raises(ParseError):
        INTEGRITY.of(read({"xen.txt": text}, sles), sles)


def test_commands_are_known_if_they_were_called(recording: Recording, profile: Profile) -> None:
    commands = COMMANDS.of(recording, profile)
    assert commands.on_path("xl").yes
    assert not commands.on_path("virsh").yes
    with pytest.raises(NotEvaluable, match="does not tell whether the command is there"):
        commands.on_path("xm")


def test_modules_processes_ports_bridges(recording: Recording, profile: Profile) -> None:
    modules = MODULES.of(recording, profile)
    assert modules.loaded("netbk").yes
    with pytest.raises(NotEvaluable, match=r"does not collect .*modules.builtin"):
        modules.loaded("xenfs")
    assert list(PROCESSES.of(recording, profile).names.values()) == [
        *("systemd", "kthreadd", "xenstored", "xenconsoled", "something-of-a-"),
        *("sshd", "bash", "supportconfig", "ps"),
    ]
    assert PORTS.of(recording, profile).listening_on == {22}
    bridges = BRIDGES.of(recording, profile)
    assert bridges.up("br0").yes
    assert bridges.has_port("br0").yes
    assert not bridges.up("br1").yes
    assert not bridges.has_port("br1").yes
    assert not bridges.exists("eth0").yes


def test_mounts_tell_the_file_system_of_what_is_mounted(recording: Recording, profile: Profile) -> None:
    images = IMAGES.of(recording, profile)
    assert images.folder("/var/lib/libvirt/images").filesystem == "btrfs"
    with pytest.raises(NotEvaluable, match="not mounted"):
        _ = images.folder("/var/lib/libvirt/images").free_mib
    with pytest.raises(NotEvaluable, match="does not tell whether"):
        images.folder("/var/lib/xen/images")
    assert MOUNTS.of(recording, profile).filesystem("/etc") == "btrfs"
    assert KERNEL.of(recording, profile).flavour == "xen"


def test_logs_that_were_collected_are_read(recording: Recording, profile: Profile) -> None:
    logs = Logs(recording, profile)
    assert logs.readable("/var/log/xen").yes
    assert "Waiting for domain" in logs.text("/var/log/xen/xl-guest1.log").text
    assert logs.rotated("/var/log/xen/xl-guest1.log").yes
    with pytest.raises(NotEvaluable):
        logs.readable("/var/log/xen/other.log")
    with pytest.raises(NotEvaluable, match="journal unit by unit"):
        logs.readable("xencommons.service")


@pytest.mark.parametrize("name", [name for name in files() if name not in ("basic-environment.txt", "rpm.txt")])
def test_what_was_left_out_is_not_evaluable(tmp_path: Path, name: str) -> None:
    profile = load_profile("sles12")
    texts = {other: text for other, text in files().items() if other != name}
    recording = read_supportconfig("supportconfig://x", write_folder(tmp_path / "folder", texts), profile)
    for family in FAMILIES:
        try:
            family.of(recording, profile)
        except NotEvaluable as error:
            assert "supportconfig" in str(error)  # noqa: PT017  # either is right, nothing else is


@pytest.mark.parametrize(
    ("name", "text", "parse"),
    [
        ("xen.txt", command("/usr/sbin/xl info", "libxl: error: not running on Xen\n"), XL_INFO),
        ("xen.txt", command("/usr/sbin/xl list", "xl: error\n"), XL_LIST),
        ("rpm.txt", files()["rpm.txt"].replace("4.4.1_06-2.2", "4.4.1", 1), PACKAGES),
        ("rpm.txt", files()["rpm.txt"].replace("rpm       ", "rpn       "), PACKAGES),
        ("network.txt", command("/sbin/ip addr", "Cannot open netlink\n") + absent("brctl show"), BRIDGES),
        ("modules.txt", command("/sbin/lsmod | sort", "lsmod: error\n"), MODULES),
        ("systemd.txt", command("/usr/bin/systemctl --no-pager --all list-units", "no bus\n"), SYSTEMD_STATE),
        (
            "systemd.txt",
            files()["systemd.txt"].replace("UNIT FILE", "FILE"),
            UNIT_FAMILY,
        ),
        (
            "basic-health-check.txt",
            files()["basic-health-check.txt"].replace(PS, PS.replace("/bin/ps axwwo", "/bin/ps axwwx")),
            PROCESSES,
        ),
        ("basic-health-check.txt", files()["basic-health-check.txt"].replace("00:00:02", "now"), PROCESSES),
        ("systemd.txt", files()["systemd.txt"].replace(UNITS, UNITS.replace("-.mount ", "x.mount ")), SYSTEMD_STATE),
    ],
)
def test_what_is_of_another_shape_is_an_error(
    read: Reader, profile: Profile, name: str, text: str, parse: object
) -> None:
    with pytest.raises((ParseError, NotEvaluable)) as caught:
        parse.of(read({name: text}), profile)  # type: ignore[attr-defined]  # a family
    if "brctl" not in text:
        assert caught.type is ParseError


def test_a_host_that_has_no_xl_is_no_dom0(read: Reader) -> None:
    texts = {"xen.txt": "", "rpm.txt": files()["rpm.txt"].replace("xen-tools", "xen-other")}
    with pytest.raises(NotADom0, match="supportconfig of a system that is no Xen dom0"):
        parse_identity(read(texts).output(PROBE)).require_dom0("supportconfig://x")


def test_the_package_of_xl_is_enough_where_its_output_is_missing(read: Reader) -> None:
    identity = parse_identity(read({"xen.txt": ""}).output(PROBE))
    assert identity.xl == "ii xen-tools 4.4.1_06-2.2"


def test_a_newer_plugin_is_read_like_xen_txt(read: Reader, profile: Profile) -> None:
    recording = read({"xen.txt": "", "plugin-xen.txt": files()["xen.txt"]})
    assert XL_INFO.of(recording, profile).value("xen_version") == "4.4.1"


def test_secrets_do_not_reach_the_recording(read: Reader) -> None:
    text = files()["xen.txt"] + configuration("/etc/libvirt/libvirtd.conf", "x = 1\n")
    recording = read({"xen.txt": text.replace('autoballoon="off"', 'vncpasswd="very secret"')})
    assert all(b"very secret" not in output.stdout for output in recording.outputs.values())


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("#=[] abC/\n-"), max_size=300))
def test_any_text_is_blocks_or_an_error(text: str) -> None:
    try:
        found = list(parse_blocks("x.txt", text.encode()))
    except SourceError:
        assert text
        assert not text.endswith("\n")
        return
    assert all(block.title and block.kind for block in found)


LINES = st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40).filter(
    lambda line: not line.startswith("#==[")
)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.from_regex(r"[A-Za-z/][\w/. -]{0,20}\w", fullmatch=True), st.lists(LINES, max_size=5)),
        max_size=5,
    )
)
def test_blocks_give_back_what_was_put_in(rows: list[tuple[str, list[str]]]) -> None:
    text = "".join(command(title, "".join(f"{line}\n" for line in lines)) for title, lines in rows)
    found = list(parse_blocks("x.txt", text.encode()))
    assert [block.title for block in found] == [title.strip() for title, _ in rows]
    for block, (_, lines) in zip(found, rows, strict=True):
        while lines and not lines[-1].strip():
            lines.pop()
        assert list(block.lines) == lines


@settings(deadline=None, max_examples=30)  # a busy machine is slow, not wrong
@given(st.dictionaries(st.sampled_from(sorted(files())), st.text(max_size=200), max_size=4))
def test_any_texts_give_a_recording_or_an_error(changes: dict[str, str]) -> None:
    import tempfile

    profile = load_profile("sles12")
    with tempfile.TemporaryDirectory() as name:
        folder = write_folder(Path(name) / "folder", {**files(), **changes})
        try:
            recording = read_supportconfig("supportconfig://x", folder, profile)
        except SourceError:
            return
        for family in FAMILIES:
            try:
                family.of(recording, profile)
            except XenproofError:
                continue
