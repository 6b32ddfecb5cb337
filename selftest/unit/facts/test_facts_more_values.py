"""What the parsers of mounts, kernels, clocks, xenstore, settings and tools make of a host, and of a broken one."""

from pathlib import Path

import pytest

from selftest.mutants.raw import Raw
from selftest.mutants.texts import without_file
from selftest.unit.facts.test_facts_values import GOOD, PROFILE, replaced
from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.clock import Clock
from xenproof.facts.dom0 import Dom0
from xenproof.facts.images import BTRFS, IMAGES, ImageFolder, Images, Subvolumes, snapshot_free
from xenproof.facts.kernel import KERNEL, Kernel
from xenproof.facts.kernel_config import KERNEL_CONFIG
from xenproof.facts.mounts import MOUNTS, Mount, Mounts
from xenproof.facts.pid_files import PidFiles
from xenproof.facts.qemu import QEMU
from xenproof.facts.shell_settings import ShellSettings
from xenproof.facts.tools import Tools
from xenproof.facts.units import UNITS
from xenproof.facts.xenstore import XENSTORE
from xenproof.facts.xl_conf import XL_CONF_SETTINGS, XlConf
from xenproof.probing.sections import printed
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput, Recording


def test_mounts() -> None:
    mounts = MOUNTS.of(GOOD, PROFILE)
    assert mounts.mounted("/proc/xen").yes
    assert not mounts.mounted("/var/lib/xen").yes
    assert mounts.filesystem("/var/lib/xen") == "ext4"
    assert mounts.writable("/var/lib/xen").yes


def test_the_last_mount_on_a_path_counts_and_a_name_that_only_begins_alike_does_not() -> None:
    rows = (Mount("/", "ext4", ("rw",)), Mount("/var", "xfs", ("rw",)), Mount("/var", "btrfs", ("ro",)))
    assert Mounts(rows).filesystem("/var/lib") == "btrfs"
    assert not Mounts(rows).writable("/var/lib").yes
    assert Mounts(rows).filesystem("/variable") == "ext4"


def test_a_host_with_nothing_on_its_root_is_read() -> None:
    mounts = MOUNTS.of(replaced("/proc/mounts:/dev/sda1 / ext4", "/proc/mounts:/dev/sda1 /mnt ext4"), PROFILE)
    assert not mounts.mounted("/").yes
    with pytest.raises(NotEvaluable, match="no mounted file system holds /var/lib"):
        mounts.writable("/var/lib")


def test_kernel() -> None:
    kernel = KERNEL.of(GOOD, PROFILE)
    assert (kernel.flavour, kernel.kind) == ("amd64", "pvops")
    older = Kernel("3.12.28-4-xen", frozenset({"proc", "ext4"}), has_proc_xen=True)
    assert (older.flavour, older.kind) == ("xen", "xenlinux")
    with pytest.raises(NotEvaluable, match="does not run on Xen"):
        _ = Kernel("6.1.0-1-amd64", frozenset({"proc"}), has_proc_xen=False).kind
    for bare in ("6.1.0", "6.1.0-"):
        assert Kernel(bare, frozenset({"proc"}), has_proc_xen=False).flavour == "none"


def test_kernel_config() -> None:
    config = KERNEL_CONFIG.of(GOOD, PROFILE)
    assert config.value("CONFIG_XEN_DOM0") == "y"
    assert config.value("CONFIG_XEN_BLKDEV_BACKEND") == "m"
    off = replaced("CONFIG_XEN_DOM0=y", "# CONFIG_XEN_DOM0 is not set")
    assert KERNEL_CONFIG.of(off, PROFILE).value("CONFIG_XEN_DOM0") == "n"


def test_xenstore() -> None:
    store = XENSTORE.of(GOOD, PROFILE)
    assert store.holds("/local/domain/0/name", "Domain-0").yes
    assert str(store.holds("/local/domain/0/name", "Domain")) == "no: it holds 'Domain-0'"
    gone = XENSTORE.of(replaced("there /tool/xenstored", "missing /x\nthere /y"), PROFILE)
    with pytest.raises(ParseError, match="says nothing of"):
        gone.exists("/tool/xenstored")
    missing = "@@xenstore\nthere /local/domain/0/name Domain-0\nmissing /a\n\n@@xenstore 0\n"
    parsed = XENSTORE.parse(ProbeOutput("xen", missing.encode(), b"", 0))
    assert not parsed.exists("/a").yes
    assert str(parsed.holds("/a", "")) == "no: no such entry"


def test_a_xenstored_that_does_not_answer_is_no_empty_xenstore() -> None:
    mute = "@@xenstore\nmissing /local/domain/0/name\nmissing /a\n\n@@xenstore 0\n"
    with pytest.raises(ParseError, match="does not answer"):
        XENSTORE.parse(ProbeOutput("xen", mute.encode(), b"", 0))


def test_qemu_options() -> None:
    qemu = QEMU.of(GOOD, PROFILE)
    assert qemu.has_option("spice").yes
    assert not qemu.has_option("spi").yes
    assert not QEMU.of(replaced("\n-spice ", "\n-splice "), PROFILE).has_option("spice").yes


def test_a_qemu_that_is_not_there_says_so() -> None:
    absent = ProbeOutput(
        "programs", printed("qemu-help", "absent /usr/lib/xen/bin/qemu-system-i386\n").encode(), b"", 0
    )
    with pytest.raises(NotEvaluable, match="there is no /usr/lib/xen/bin/qemu-system-i386"):
        QEMU.parse(absent)


def test_a_unit_is_known_by_each_of_its_names() -> None:
    units = UNITS.of(GOOD, PROFILE)
    assert units.state("sshd.service") == units.state("ssh.service") == "active"


def test_a_qemu_without_one_of_its_usual_options_is_read() -> None:
    qemu = QEMU.of(replaced("\n-drive ", "\n-drove "), PROFILE)
    assert not qemu.has_option("drive").yes
    assert qemu.has_option("monitor").yes


def test_a_linux_without_xen_controls_none() -> None:
    host = without_file(Raw.of(GOOD), "/proc/xen/capabilities").recording()
    assert Dom0(GOOD, PROFILE).control.yes
    assert str(Dom0(host, PROFILE).control) == "no: there is no /proc/xen/capabilities, as on a machine without Xen"


def test_settings_of_shell_files() -> None:
    shell = ShellSettings(GOOD, PROFILE)
    assert shell.value("/etc/default/xendomains:XENDOMAINS_RESTORE") == "true"
    assert shell.words("/etc/default/xendomains:XENDOMAINS_AUTO") == ("/etc/xen/auto",)
    assert shell.value("/etc/default/xendomains:XENDOMAINS_NONE") == "unset"
    with pytest.raises(ParseError, match="was not read"):
        shell.value("/etc/passwd:root")


def test_a_shell_file_that_is_not_there_sets_nothing() -> None:
    path = "/etc/default/xendomains"
    shell = ShellSettings(without_file(Raw.of(GOOD), path).recording(), PROFILE)
    assert shell.value(f"{path}:XENDOMAINS_RESTORE") == "unset"
    assert shell.words(f"{path}:XENDOMAINS_AUTO") == ()


def test_pid_files() -> None:
    files = PidFiles(GOOD, PROFILE)
    path = "/run/xenconsoled.pid"
    assert files.names(path, "xenconsoled").yes
    other = files.names(path, "oxenstored")
    assert not other.yes
    assert "which is xenconsoled" in other.seen
    stale = PidFiles(replaced(f"{path}:", f"{path}:99"), PROFILE).names(path, "xenconsoled")
    assert not stale.yes
    assert "does not run" in stale.seen
    assert not PidFiles(replaced(f"{path}:", f"{path}:no "), PROFILE).names(path, "xenconsoled").yes


def test_xl_conf_keys() -> None:
    conf = XlConf({"autoballoon": "off", "max_grant_frame": "64"})
    assert conf.uses_only(["autoballoon", "max_grant_frame"]).yes
    wrong = conf.uses_only(["autoballoon", "max_grant_frames"])
    assert not wrong.yes
    assert wrong.seen == "'max_grant_frame' is no key of this xl; did you mean 'max_grant_frames'?"
    assert XL_CONF_SETTINGS.of(GOOD, PROFILE).uses_only(["autoballoon"]).yes


def at(taken: str, seconds: str, host: int) -> Clock:
    output = ProbeOutput("host", printed("clock", f"{host}\n").encode(), b"", 0)
    return Clock(Recording("x", taken, {"host": output}, {"seconds": seconds}), PROFILE)


@pytest.mark.parametrize(("host", "skew"), [(1000, 0), (1005, 0), (1006, 0), (1007, 1), (999, 1), (900, 100)])
def test_a_clock_may_be_anywhere_within_the_reading(host: int, skew: int) -> None:
    assert at("1970-01-01T00:16:40+00:00", "5.0", host).skew_s == skew


def test_a_recording_without_its_time_says_so() -> None:
    with pytest.raises(NotEvaluable, match="when it was taken"):
        _ = at("yesterday", "5.0", 1000).skew_s


def test_images_and_snapshots() -> None:
    path = "/var/lib/xen"

    def free(filesystem: str, device: str, flags: frozenset[str] = frozenset()) -> bool:
        folders = Images({path: ImageFolder(filesystem, 1000)})
        return snapshot_free(folders, Subvolumes({"/": "1", path: device}, flags), path).yes

    assert free("ext4", "1")
    assert not free(BTRFS, "1")
    assert free(BTRFS, "2")
    assert free(BTRFS, "1", frozenset({path}))
    assert IMAGES.of(GOOD, PROFILE).folder(path).filesystem == "ext4"


TOOLS = """\
name: site
extends: debian12
families:
  tools:
    defaults: {req: [S22], source: a test, status: documented}
    virt-install: {runs: true, version: ">=1.1, <1.2"}
"""


@pytest.mark.parametrize(
    ("said", "exit_code", "runs", "version"),
    [
        ("1.1.0\n", 0, True, "1.1.0"),
        ("virt-install 4.1.0\n", 0, True, "4.1.0"),
        ("warning: 1 thing\n2.02~beta2\n", 0, True, "2.02~beta2"),
        ("sh: virt-install: not found\n", 127, False, None),
        ("Traceback\n", 1, False, None),
    ],
)
def test_tools(
    tmp_path_factory: pytest.TempPathFactory, said: str, exit_code: int, runs: bool, version: str | None
) -> None:
    path = tmp_path_factory.mktemp("profile") / "site.yaml"
    path.write_text(TOOLS, "utf-8")
    output = ProbeOutput("programs", printed("tool:virt-install", said, exit_code).encode(), b"", 0)
    tools = Tools(Recording("x", "", {"programs": output}), load_profile(str(path)))
    assert tools.runs("virt-install").yes is runs
    if version is not None:
        assert tools.version("virt-install").text == version
    else:
        with pytest.raises(NotEvaluable, match="virt-install --version"):
            tools.version("virt-install")


@pytest.mark.parametrize("said", ["", "no such thing\n", "\0\1\2\n"])
def test_a_tool_that_says_no_version_has_not_answered(tmp_path: Path, said: str) -> None:
    (tmp_path / "site.yaml").write_text(TOOLS, "utf-8")
    output = ProbeOutput("programs", printed("tool:virt-install", said).encode(), b"", 0)
    tools = Tools(Recording("x", "", {"programs": output}), load_profile(str(tmp_path / "site.yaml")))
    for ask in (tools.runs, tools.version):
        with pytest.raises(ParseError, match="expected a version from 'virt-install --version'"):
            ask("virt-install")
