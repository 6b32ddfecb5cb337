"""The source image:// on an unpacked root directory."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.images.root import PROFILE, RELEASE, make_root
from xenproof.errors import NotADom0, NotEvaluable, ParseError, SourceError
from xenproof.facts.boot import Boot
from xenproof.facts.commands import COMMANDS
from xenproof.facts.families import FAMILIES, probes
from xenproof.facts.files import FILES
from xenproof.facts.identity import PROBE, parse_identity
from xenproof.facts.images import IMAGES, SUBVOLUMES
from xenproof.facts.kernel_config import KERNEL_CONFIG
from xenproof.facts.logs import Logs
from xenproof.facts.modules import MODULES
from xenproof.facts.packages import PACKAGES
from xenproof.facts.units import UNITS
from xenproof.facts.xl_conf import XL_CONF_SETTINGS
from xenproof.image.source import read_image
from xenproof.probing.sections import section_names, sections
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE, "utf-8")
    return load_profile(str(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


@pytest.fixture
def read(root: Path, profile: Profile) -> Callable[[], Recording]:
    return lambda: read_image(f"image://{root}", root, profile)


@pytest.mark.parametrize("name", ["debian12", "sles12"])
def test_each_section_of_each_probe_is_written(root: Path, name: str) -> None:
    profile = load_profile(name)
    recording = read_image("image://x", root, profile)
    assert recording.outputs.keys() == {PROBE.name, *(probe.name for probe in probes(profile))}
    for probe in probes(profile):
        names = section_names(probe.script)
        assert names, probe.name
        assert list(sections(recording.output(probe))) == names


@pytest.mark.parametrize("name", ["debian12", "sles12"])
def test_each_family_can_be_read_or_says_why_not(root: Path, name: str) -> None:
    profile = load_profile(name)
    recording = read_image("image://x", root, profile)
    read = 0
    for family in FAMILIES:
        with contextlib.suppress(NotEvaluable):
            family.of(recording, profile)
            read += 1
    assert read >= 8


def test_packages_are_those_of_dpkg(read: Callable[[], Recording], profile: Profile) -> None:
    packages = PACKAGES.of(read(), profile)
    assert packages.version("xen-utils-4.17").text == "4.17.5+23-ga4e5191dc0-1"
    assert not packages.installed("bridge-utils").yes
    assert not packages.installed("half-done").yes
    assert set(packages.versions) == {"dpkg", "xen-utils-4.17"}


def test_what_an_interrupted_dpkg_left_beside_its_status_counts(
    read: Callable[[], Recording], profile: Profile, root: Path
) -> None:
    updates = root / "var/lib/dpkg/updates"
    updates.mkdir()
    stanza = "Package: {}\nStatus: {}\nArchitecture: amd64\nVersion: 2\n"
    (updates / "0000").write_text(stanza.format("bridge-utils", "install ok installed"), "utf-8")
    (updates / "tmp.i").write_text(stanza.format("new", "install ok installed"), "utf-8")
    assert set(PACKAGES.of(read(), profile).versions) == {"dpkg", "xen-utils-4.17", "bridge-utils"}


@pytest.mark.parametrize("status", ["", "Package: a\n", "Package: a\nStatus: install ok perhaps\n", "\0\xff" * 100])
def test_a_damaged_list_of_packages_is_no_list(
    read: Callable[[], Recording], profile: Profile, root: Path, status: str
) -> None:
    (root / "var/lib/dpkg/status").write_text(status, "utf-8")
    with pytest.raises(ParseError):
        PACKAGES.of(read(), profile)


def test_files_are_described_and_links_are_followed_inside_of_the_image(
    read: Callable[[], Recording], profile: Profile, root: Path
) -> None:
    files = FILES.of(read(), profile)
    assert files.exists("/boot/grub/grub.cfg").yes
    assert (files.file("/etc/xen/xl.conf").type, files.file("/etc/xen/xl.conf").mode) == ("file", "0640")
    assert files.file("/boot/vmlinuz").type == "symlink"
    assert files.exists("/sbin/xl").yes
    assert not files.exists("/bin/xl").yes
    assert files.exists("/lib/modules/{release}/kernel/xen-netback.ko").yes


def test_what_only_a_running_system_has_is_not_evaluable(read: Callable[[], Recording], profile: Profile) -> None:
    files = FILES.of(read(), profile)
    for path in ("/run/xen/socket", "/var/run/xen/socket"):
        with pytest.raises(NotEvaluable, match="an image has no /run"):
            files.exists(path)


def test_owners_are_known_only_where_the_directory_was_unpacked_by_root(
    read: Callable[[], Recording], profile: Profile, root: Path
) -> None:
    if ROOT:
        os.chown(root / "etc/xen/xl.conf", 7, 4)
        assert FILES.of(read(), profile).file("/etc/xen/xl.conf").owner == "lp:adm"
        os.chown(root / "etc/xen/xl.conf", 4711, 4)
        os.chown(root / "boot/vmlinuz", 1000, 1000, follow_symlinks=False)
    with pytest.raises(NotEvaluable, match="whose"):
        _ = FILES.of(read(), profile).file("/etc/xen/xl.conf").owner
    if ROOT:
        os.chown(root, 1000, 1000)
        with pytest.raises(NotEvaluable, match="whose"):
            _ = FILES.of(read(), profile).file("/boot/grub/grub.cfg").owner


def test_units_are_as_systemd_would_show_them(read: Callable[[], Recording], profile: Profile) -> None:
    units = UNITS.of(read(), profile)
    for expected in profile.select("units.*.enabled"):
        assert units.enabled(expected.name) == expected.value, expected.name
    assert not units.exists("nowhere.service").yes
    assert units.exists("xen.service").yes
    with pytest.raises(NotEvaluable, match="nothing runs"):
        units.state("on.service")
    with pytest.raises(NotEvaluable, match="may make such a unit"):
        units.exists("var-lib-xen.mount")


def test_a_script_without_a_start_link_is_disabled(read: Callable[[], Recording], profile: Profile, root: Path) -> None:
    (root / "etc/rc2.d/S01xen").unlink()
    (root / "etc/rc2.d/S01other").symlink_to("../init.d/other")
    assert UNITS.of(read(), profile).enabled("xen.service") == "disabled"


def test_commands_are_those_on_the_usual_path_that_can_be_run(
    read: Callable[[], Recording], profile: Profile, root: Path
) -> None:
    assert COMMANDS.of(read(), profile).paths == {"sh": "/usr/bin/sh", "xl": "/usr/sbin/xl", "xm": ""}
    (root / "usr/sbin/xm").write_text("not for running", "utf-8")
    assert not COMMANDS.of(read(), profile).on_path("xm").yes


def test_configuration_and_grubs_menu_are_read(read: Callable[[], Recording], profile: Profile) -> None:
    recording = read()
    assert XL_CONF_SETTINGS.of(recording, profile).value("autoballoon") == "off"
    boot = Boot(recording, profile)
    assert boot.default_xen.yes
    assert boot.generated("hypervisor").yes
    with pytest.raises(NotEvaluable, match="nothing runs in an image"):
        boot.running("hypervisor")
    with pytest.raises(NotEvaluable, match="an image has no /proc"):
        boot.running("kernel")


def test_modules_that_are_built_in_are_known_and_others_are_not(
    read: Callable[[], Recording], profile: Profile
) -> None:
    modules = MODULES.of(read(), profile)
    assert modules.loaded("bridge").yes
    with pytest.raises(NotEvaluable, match="an image has no /proc"):
        modules.loaded("xen-blkback")


def test_the_kernels_configuration_is_read(read: Callable[[], Recording], profile: Profile) -> None:
    config = KERNEL_CONFIG.of(read(), profile)
    assert (config.value("CONFIG_XEN_DOM0"), config.value("CONFIG_XEN_PVH")) == ("y", "n")


def test_logs_are_read_from_their_end_and_may_not_be_there_yet(read: Callable[[], Recording], profile: Profile) -> None:
    logs = Logs(read(), profile)
    text = logs.text("/var/log/xen/hotplug.log").text
    assert text.endswith("last words\n")
    assert "first" not in text
    assert logs.rotated("/var/log/xen/hotplug.log").yes
    with pytest.raises(NotEvaluable, match="may never have run"):
        logs.readable("/var/log/libvirt/libxl")
    with pytest.raises(NotEvaluable, match="binary"):
        logs.readable("xen.service")


def test_the_file_system_is_what_fstab_says_and_its_room_is_unknown(
    read: Callable[[], Recording], profile: Profile, root: Path
) -> None:
    images = IMAGES.of(read(), profile)
    assert images.folder("/var/log/xen").filesystem == "ext4"
    with pytest.raises(NotEvaluable, match="not mounted"):
        _ = images.folder("/var/log/xen").free_mib
    with pytest.raises(NotEvaluable, match="no directory"):
        images.folder("/srv/none")
    with pytest.raises(NotEvaluable, match="does not tell which file systems"):
        SUBVOLUMES.of(read(), profile)
    (root / "etc/fstab").write_text("", "utf-8")
    with pytest.raises(NotEvaluable, match="neither the image nor its fstab"):
        IMAGES.of(read(), profile).folder("/var/log/xen")


def test_the_release_is_that_of_the_default_entry(read: Callable[[], Recording]) -> None:
    identity = parse_identity(read().output(PROBE))
    assert (identity.kernel, identity.system) == (RELEASE, "Debian GNU/Linux 12 (bookworm)")
    assert identity.kind == "root directory"
    identity.require_dom0("image://x")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda root: (root / "boot/grub/grub.cfg").unlink(),
            "no grub.cfg on this host .* there are 5.10.0-1-amd64, 6",
        ),
        (lambda root: (root / "boot/grub/grub.cfg").write_text("set default="), "there are 5.10.0-1-amd64"),
        (lambda root: (root / f"usr/lib/modules/{RELEASE}").rename(root / "gone"), "has nothing below /lib/modules"),
    ],
)
def test_without_one_kernel_what_is_below_its_name_is_not_evaluable(
    read: Callable[[], Recording], profile: Profile, root: Path, change: Callable[[Path], object], why: str
) -> None:
    change(root)
    recording = read()
    files = FILES.of(recording, profile)
    assert files.exists("/etc/xen/xl.conf").yes
    for ask in (
        lambda: files.exists("/lib/modules/{release}/kernel/xen-netback.ko"),
        lambda: MODULES.of(recording, profile).loaded("bridge"),
        lambda: KERNEL_CONFIG.of(recording, profile),
    ):
        with pytest.raises(NotEvaluable, match=why):
            ask()


def test_the_only_kernel_needs_no_menu(read: Callable[[], Recording], root: Path) -> None:
    (root / "boot/grub/grub.cfg").unlink()
    (root / "usr/lib/modules/5.10.0-1-amd64/modules.builtin").unlink()
    (root / "usr/lib/modules/5.10.0-1-amd64").rmdir()
    assert parse_identity(read().output(PROBE)).kernel == RELEASE


def test_an_image_without_xl_is_no_dom0(read: Callable[[], Recording], root: Path) -> None:
    (root / "usr/sbin/xl").unlink()
    with pytest.raises(NotADom0, match="no Xen dom0: expected xl, found none"):
        parse_identity(read().output(PROBE)).require_dom0("image://x")


def test_a_directory_that_is_no_root_is_an_error(tmp_path: Path, profile: Profile) -> None:
    with pytest.raises(SourceError, match="no directory etc"):
        read_image("image://x", tmp_path, profile)
    with pytest.raises(SourceError, match="No such file"):
        read_image("image://x", tmp_path / "none", profile)
    (tmp_path / "etc").mkdir()
    with pytest.raises(SourceError, match="no database of packages"):
        read_image("image://x", tmp_path, profile)


def test_something_that_is_neither_file_nor_directory_is_an_error(profile: Profile) -> None:
    with pytest.raises(SourceError, match="neither a file nor a directory"):
        read_image("image:///dev/null", Path("/dev/null"), profile)


def test_secrets_do_not_reach_the_recording(read: Callable[[], Recording], root: Path) -> None:
    (root / "etc/xen/xl.conf").write_text('vncpasswd="very secret"\n', "utf-8")
    recording = read()
    assert "very secret" not in recording.to_json()
    assert all(b"very secret" not in output.stdout for output in recording.outputs.values())
    assert recording.about["redacted"] == "1"
    assert recording.about["source"] == "root directory, not running (unpacked)"
