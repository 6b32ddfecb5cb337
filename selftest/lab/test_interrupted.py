"""A run that is interrupted or killed, at whatever moment, leaves no process, and no file outside its cache."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from selftest.lab.suite import GRUB_XEN, REPOSITORY, Suite, clean_environment, options
from xenproof.guest.host.leftovers import snapshot
from xenproof.lab import host as lab
from xenproof.lab.image import images
from xenproof.lab.recipe import load_recipe
from xenproof.run import cache, runs
from xenproof.run.progress import Silent
from xenproof.source.connection import Connection
from xenproof.xen.domains import list_domains

PATIENCE_S = 60.0
LAB_COMMAND = [sys.executable, "-m", "xenproof.cli", "lab"]
BOOTED = "tests/guest/test_grub_xen.py"


@dataclass(frozen=True)
class OwnCache:
    """A cache of this test's own and a folder for temporary files, so that what is left there is this test's."""

    folder: Path
    temporary: Path

    def processes(self) -> list[str]:
        """The command lines of all processes that name this cache."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or ())
            if str(self.folder) in words and process.pid != os.getpid():
                found.append(words)
        return found

    def wait_until_idle(self) -> list[str]:
        """The processes that still name this cache after a while, which should be none."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)  # a poll with the deadline above
        return left


@pytest.fixture
def own_cache(tmp_path: Path) -> Iterator[OwnCache]:
    """An empty cache, and a check that nothing of it is left outside."""
    own = OwnCache(tmp_path / "cache", tmp_path / "tmp")
    own.folder.mkdir()
    own.temporary.mkdir()
    yield own
    assert not [path.name for path in own.temporary.iterdir()]


@pytest.fixture
def warm_cache(own_cache: OwnCache) -> OwnCache:
    """A cache with the images that other tests use as well, which no run writes to."""
    lab.ensure_built("debian12", Silent())
    (own_cache.folder / "images").symlink_to(cache.cache_folder() / "images")
    return own_cache


def start(command: list[str], own: OwnCache, tmp_path: Path) -> tuple["subprocess.Popen[bytes]", Path]:
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT,
            env={**clean_environment(), "XENPROOF_CACHE": str(own.folder), "TMPDIR": str(own.temporary)},
            start_new_session=True, preexec_fn=hears_ctrl_c,
        )  # fmt: skip
    return process, output


def hears_ctrl_c() -> None:
    """For a child before it executes: as from a terminal, even if a shell started us in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(process: "subprocess.Popen[bytes]", output: Path, text: str) -> None:
    deadline = time.monotonic() + 240
    while text not in output.read_text("utf-8", "replace"):
        assert process.poll() is None, output.read_text("utf-8", "replace")
        assert time.monotonic() < deadline, output.read_text("utf-8", "replace")
        time.sleep(0.1)  # a poll with the deadline above


@pytest.mark.parametrize("moment", ["lab: resuming", "lab: reading", "collected"])  # the last: guests boot
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_a_run_that_is_ended_leaves_nothing(
    suite: Suite, warm_cache: OwnCache, tmp_path: Path, moment: str, sent: signal.Signals
) -> None:
    command = suite.command("--profile=debian12", "--hosts=lab://debian12", BOOTED)
    process, output = start(command, warm_cache, tmp_path)
    wait_for(process, output, moment)
    process.send_signal(sent)
    status = process.wait(PATIENCE_S)

    assert warm_cache.wait_until_idle() == []
    assert status == (-signal.SIGKILL if sent is signal.SIGKILL else 2), output.read_text("utf-8", "replace")
    assert "Traceback" not in output.read_text("utf-8", "replace")
    left = list((warm_cache.folder / "runs").glob("*-*"))
    if sent is signal.SIGKILL:
        # Nobody could tidy up after a kill: the next run does.
        assert left
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XENPROOF_CACHE", str(warm_cache.folder))
            runs.clean()
        left = list((warm_cache.folder / "runs").glob("*-*"))
    assert left == []


@pytest.mark.hostless
@pytest.mark.parametrize("by_hand", [True, False], ids=["lab build", "suite"])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_a_build_that_is_ended_is_never_used(
    suite: Suite, own_cache: OwnCache, tmp_path: Path, sent: signal.Signals, by_hand: bool
) -> None:
    command = suite.command("--profile=debian12", "--hosts=lab://debian12", "tests/host")
    if by_hand:
        command = [*LAB_COMMAND, "build", "debian12"]
    process, output = start(command, own_cache, tmp_path)
    wait_for(process, output, "lab: installing")
    deadline = time.monotonic() + PATIENCE_S
    while not list(own_cache.folder.glob("images/*.building/mmdebstrap.*/usr")):
        assert time.monotonic() < deadline
        time.sleep(0.1)  # a poll with the deadline above
    process.send_signal(sent)
    process.wait(PATIENCE_S)
    printed = output.read_text("utf-8", "replace")
    assert "Traceback" not in printed
    if by_hand and sent is not signal.SIGKILL:
        assert printed.splitlines()[1:] == ["xenproof: interrupted"], printed  # behind "lab: installing"

    assert own_cache.wait_until_idle() == []
    images = {path.name for path in (own_cache.folder / "images").iterdir() if path.is_dir()}
    if sent is signal.SIGKILL:
        images = {name for name in images if not name.endswith(".building")}  # the next build removes it
    assert images == set()


@pytest.fixture
def unbooted_cache(warm_cache: OwnCache) -> OwnCache:
    """A cache with the image of a host that was never booted."""
    image = images(load_recipe("debian12"))[0].folder
    folder = warm_cache.folder / "images"
    folder.unlink()
    (folder / image.name).mkdir(parents=True)
    for part in image.iterdir():
        if not part.name.startswith("booted-"):
            (folder / image.name / part.name).symlink_to(part)
    return warm_cache


@pytest.mark.releases  # each boots the host from the start
@pytest.mark.parametrize(
    ("moment", "while_in_s"),
    [("lab: booting", 1.0), ("lab: waiting until", 0.3), ("lab: saving", 0.0), ("lab: saving", 0.3)],
)
def test_a_first_boot_that_is_interrupted_ends_with_one_line(
    unbooted_cache: OwnCache, tmp_path: Path, moment: str, while_in_s: float
) -> None:
    process, output = start(
        [sys.executable, "-m", "xenproof.cli", "lab", "build", "debian12"], unbooted_cache, tmp_path
    )
    wait_for(process, output, moment)
    ends_with_one_line(process, output, while_in_s)
    assert unbooted_cache.wait_until_idle() == []
    assert not [path for path in unbooted_cache.folder.glob("images/*/booted-*") if path.is_dir()]
    assert not list((unbooted_cache.folder / "runs").glob("*-*"))


@pytest.mark.parametrize("while_in_s", [0.0, 0.3, 1.0])
def test_a_host_that_is_interrupted_as_it_resumes_ends_with_one_line(
    warm_cache: OwnCache, tmp_path: Path, while_in_s: float
) -> None:
    process, output = start([*LAB_COMMAND, "up", "debian12"], warm_cache, tmp_path)
    wait_for(process, output, "lab: resuming")
    ends_with_one_line(process, output, while_in_s)
    assert warm_cache.wait_until_idle() == []
    assert not list((warm_cache.folder / "runs").glob("*-*"))


def test_a_run_that_is_interrupted_as_its_host_ends_says_no_traceback(
    suite: Suite, warm_cache: OwnCache, tmp_path: Path
) -> None:
    command = suite.command("--profile=debian12", "--hosts=lab://debian12", "tests/host/test_units.py")
    process, output = start(command, warm_cache, tmp_path)
    deadline = time.monotonic() + 240
    while not (suite.report / "report.html").is_file():
        assert process.poll() is None, output.read_text("utf-8", "replace")
        assert time.monotonic() < deadline
        time.sleep(0.01)  # a poll with the deadline above
    process.send_signal(signal.SIGINT)  # the host is ended when the report is written
    assert process.wait(PATIENCE_S) in (0, 2), output.read_text("utf-8", "replace")
    assert "Traceback" not in output.read_text("utf-8", "replace")
    assert warm_cache.wait_until_idle() == []


def ends_with_one_line(process: "subprocess.Popen[bytes]", output: Path, while_in_s: float) -> None:
    """Interrupt a command of the lab, `while_in_s` after it came to this moment, and read all that it prints then."""
    deadline = time.monotonic() + while_in_s
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)  # a poll with the deadline above
    before = output.read_text("utf-8", "replace")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130, output.read_text("utf-8", "replace")
    printed = output.read_text("utf-8", "replace").removeprefix(before)
    # A step may have ended between the look and the signal.
    lines = [line for line in printed.splitlines() if not line.startswith("lab: ")]
    assert lines == ["xenproof: interrupted"], printed


# What is true on the host at the moment when the runner dies.
_MOMENTS = {
    "a disk is being made": "ls /var/lib/xen*/xenproof-*/*.part",
    "xl create runs": "pgrep -f '^[^ ]*xl create .*xenproof-'",
    "a guest runs": "xl list | grep '^xenproof-.* r-----'",
}


_GUEST_RUNS = _MOMENTS["a guest runs"]


@pytest.mark.parametrize("moment", _MOMENTS.values(), ids=_MOMENTS)
def test_a_host_removes_what_a_killed_run_left_on_it(
    suite: Suite, lab_host: lab.LabHost, dom0_shell: Connection, tmp_path: Path, moment: str
) -> None:
    with (tmp_path / "output").open("wb") as out:
        process = subprocess.Popen(
            suite.command(*options(lab_host), BOOTED), cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT,
            env=clean_environment(), start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 240
    while dom0_shell.run(moment).exit_code:
        assert process.poll() is None, (tmp_path / "output").read_text("utf-8", "replace")
        assert time.monotonic() < deadline
        time.sleep(0.3)  # a poll with the deadline above; the host has better things to do
    process.kill()
    process.wait(PATIENCE_S)

    deadline = time.monotonic() + PATIENCE_S
    traces = r"ps -ww -e -o args= | grep 'xenproof-\w\{8\}'; ls -d /var/lib/xen*/xenproof-* /var/log/xen/*xenproof-*"
    while (left := dom0_shell.run(traces).text) and time.monotonic() < deadline:
        time.sleep(0.5)  # a poll with the deadline above
    assert left == ""
    assert {thing.kind for thing in snapshot(dom0_shell, "/var/lib/xen")} <= {"xenstore", "file"}


# A guest of somebody: it never runs.
_SOMEBODYS = """
printf 'name = "%s"\nkernel = "{kernel}"\nmemory = 32\n' {name} >/root/somebodys.cfg
xl create -p /root/somebodys.cfg
"""


def test_guests_that_xl_migrate_has_renamed_are_removed_and_no_guest_of_a_similar_name(
    suite: Suite, lab_host: lab.LabHost, dom0_shell: Connection, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            suite.command(*options(lab_host), BOOTED), cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT,
            env=clean_environment(), start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + 240
    while not (listed := dom0_shell.run(_GUEST_RUNS).text):
        assert process.poll() is None, output.read_text("utf-8", "replace")
        assert time.monotonic() < deadline
        time.sleep(0.3)  # a poll with the deadline above; the host has better things to do
    guest = listed.split()[0]
    run = guest.rpartition("-")[0]
    somebodys = {f"my-{guest}", f"{guest}-copy", f"{run}-"}
    for name in (*somebodys, f"{run}-99"):
        dom0_shell.run(_SOMEBODYS.format(kernel=GRUB_XEN, name=name), limit_s=120).check(0)
    # As xl migrate calls a guest where it arrives, and where it has left.
    for name, moved in ((guest, f"{guest}--incoming"), (f"{run}-99", f"{run}-99--migratedaway")):
        dom0_shell.run(f"xl rename {name} {moved}").check(0)
    process.kill()
    process.wait(PATIENCE_S)

    deadline = time.monotonic() + PATIENCE_S
    ours = f"ls -d /var/lib/xen*/{run} /var/log/xen/*-{run}-*--*.log; xl list | grep -e --incoming -e --migratedaway"
    while (left := dom0_shell.run(ours).text) and time.monotonic() < deadline:
        time.sleep(0.5)  # a poll with the deadline above
    assert left == ""
    assert {row.name for row in list_domains(dom0_shell)} == {"Domain-0", *somebodys}
    for name in somebodys:
        dom0_shell.run(f"ls /var/log/xen/xl-{name}.log && xl destroy {name}", limit_s=60).check(0)
    assert {thing.kind for thing in snapshot(dom0_shell, "/var/lib/xen")} <= {"xenstore", "file"}
