"""The lab's parts that need no host: sources, recipes, the runs and what killed ones leave."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selftest.sshd import eventually, gone
from xenproof import programs
from xenproof.errors import LabError, UsageError
from xenproof.lab import accel, child, trial
from xenproof.lab.recipe import RecipeFile, load_recipe, releases, states
from xenproof.lab.rootfs import write
from xenproof.run import cache, runs
from xenproof.run.process_identity import ProcessIdentity


def test_an_unknown_release_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="debian12"):
        load_recipe("debian99")


@pytest.mark.parametrize("release", [release for release in releases() if len(states(release)) == 2])
def test_every_recipe_loads_with_updates_and_without(release: str) -> None:
    patched, plain = (load_recipe(state) for state in states(release))
    assert (patched.release, plain.release) == (release, f"{release}@release")
    suite = plain.suites[0]
    assert plain.suites == (suite,)
    assert patched.suites == (suite, f"{suite}-updates", f"{suite}-security")
    assert patched.files == plain.files


@pytest.mark.parametrize("release", ["debian-sid", "debian-testing"])
def test_a_rolling_release_is_one_suite(release: str) -> None:
    assert states(release) == (release,)
    assert load_recipe(release).suites == (release.removeprefix("debian-"),)


@pytest.mark.parametrize(
    "name", ["debian-sid@release", "debian12@", "debian12@updates", "@release", "debian12@release@release"]
)
def test_another_state_of_a_release_is_unknown(name: str) -> None:
    with pytest.raises(UsageError, match="debian11@release"):
        load_recipe(name)


@pytest.mark.parametrize("release", releases())
def test_the_log_of_xen_holds_what_an_hvm_guest_prints(release: str) -> None:
    """One HVM guest fills the ring of 16 KiB that is the default, and what came before it is lost."""
    options = load_recipe(release).files["etc/default/grub"].content
    sizes = re.findall(r'^GRUB_CMDLINE_XEN=".*\bconring_size=(\d+)k\b', options, re.MULTILINE)
    assert [int(size) >= 128 for size in sizes] == [True]


def test_a_file_is_written_anew_or_added_to_that_of_a_package(tmp_path: Path) -> None:
    conf = tmp_path / "etc" / "xl.conf"
    write(conf, RecipeFile("#autoballoon=auto\n", 0o600))
    write(conf, RecipeFile('vm.hvm.cpumask="1"\n', 0o644, appended=True))
    assert conf.read_text("utf-8") == '#autoballoon=auto\nvm.hvm.cpumask="1"\n'
    assert conf.stat().st_mode & 0o777 == 0o644
    write(conf, RecipeFile("", 0o644))
    assert conf.read_text("utf-8") == ""


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)

    with pytest.raises(LabError, match="package qemu-utils"):
        programs.require("qemu-img")


def test_an_old_qemu_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / accel.QEMU
    old.write_text("#!/bin/sh\necho 'QEMU emulator version 5.2.0 (Debian 1:5.2+dfsg-11)'\n", "utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(LabError, match=r"QEMU 5\.2\.0 is too old"):
        accel.qemu_version()


def test_the_trial_runs_to_its_end_under_emulation() -> None:
    assert trial.runs(("-accel", "tcg"), limit_s=60)


@pytest.mark.parametrize(
    ("accelerator", "limit_s"),
    [(("-accel", "tcg"), 0.01), (("-accel", "none-such"), 60)],
    ids=["too slow", "does not start"],
)
def test_the_trial_refuses_what_runs_no_guest(accelerator: tuple[str, ...], limit_s: float) -> None:
    assert not trial.runs(accelerator, limit_s)


def test_the_answer_of_a_trial_is_kept_until_the_next_boot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried: list[tuple[str, ...]] = []

    def refuse(options: tuple[str, ...]) -> bool:
        tried.append(options)
        return False

    monkeypatch.setenv("XENPROOF_CACHE", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: True)
    monkeypatch.setattr(trial, "runs", refuse)

    assert [accel.kvm_runs_a_guest(), accel.kvm_runs_a_guest()] == [False, False]
    assert len(tried) == 1
    (tmp_path / "kvm-trial.json").write_text('{"boot": "another", "qemu": [7, 2], "runs": true}', "utf-8")
    assert not accel.kvm_runs_a_guest()
    assert len(tried) == 2


@pytest.mark.parametrize("part", ["//a:", "//", "//a@", "a:@", "//a/@"])
def test_a_long_line_of_a_log_takes_no_time(tmp_path: Path, part: str) -> None:
    (tmp_path / "log").write_text(part * (1 << 20))
    began = time.monotonic()
    child.tail(tmp_path / "log")
    assert time.monotonic() - began < 10


def test_the_end_of_a_log_has_no_password(tmp_path: Path) -> None:
    """apt prints the whole address where it cannot fetch: seen in the log of an installation."""
    fails = (
        "echo 'E: Failed to fetch http://me:secret@127.0.0.1:8/debian/dists/sid/InRelease  401  Unauthorized'; exit 3"
    )
    with pytest.raises(LabError, match=r"fetch http:\S+:8/debian/dists/sid/InRelease  401") as caught:
        child.run(["sh", "-c", fails], log=tmp_path / "log", purpose="installing", limit_s=60)
    assert "secret" not in str(caught.value)


def test_a_failed_program_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with pytest.raises(LabError, match=r"counting failed: sh ended with exit status 3(.|\n)*one too many"):
        child.run(["sh", "-c", "echo one too many; exit 3"], log=log, purpose="counting", limit_s=30)


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="did not end within 0 s"):
        child.run(["sleep", "60"], log=tmp_path / "log", purpose="waiting", limit_s=0.2)


def test_no_python_runs_between_fork_and_exec(tmp_path: Path) -> None:
    # What Python does around such a fork ignores a KeyboardInterrupt: a Ctrl-C would be lost, and a lock held for ever.
    script = (
        "import os\n"
        "from pathlib import Path\n"
        "from xenproof.lab import child\n"
        "os.register_at_fork(before=lambda: print('forked by Python'))\n"
        "child.run(['true'], log=Path('log'), purpose='it', limit_s=30)\n"
        "print('done')\n"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert said.stdout == "done\n"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_gets_its_signal_when_its_parent_is_killed(tmp_path: Path, sig: signal.Signals) -> None:
    script = (
        "import signal\n"
        "from pathlib import Path\n"
        "from xenproof.lab import child\n"
        "inner = 'trap \"echo asked; exit\" TERM; echo $$; while :; do sleep 0.1; done'\n"
        f"child.run(['sh', '-c', inner], log=Path('log'), purpose='it', limit_s=60, dies_with_us=signal.{sig.name})\n"
    )
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) as parent:
        eventually(lambda: log.exists() and log.read_text("ascii").endswith("\n"), "the program runs")
        parent.kill()
    pid = int(log.read_text("ascii").split()[0])

    eventually(lambda: gone(pid), "the program ends")
    assert log.read_text("ascii").split()[1:] == (["asked"] if sig is signal.SIGTERM else [])


def test_a_full_disk_is_said_before_the_build(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="XENPROOF_CACHE"):
        cache.require_space(tmp_path, 1e9, "building")


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(LabError, match="XENPROOF_CACHE"):
        cache.made(tmp_path / "file" / "cache")


@pytest.fixture
def lab_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XENPROOF_CACHE", str(tmp_path))
    return tmp_path


def dead_process() -> ProcessIdentity:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessIdentity.of(process.pid)
        process.kill()
    return identity


def me() -> ProcessIdentity:
    import os

    return ProcessIdentity.of(os.getpid())


def test_a_dead_runs_folder_is_removed_by_the_next_run(lab_cache: Path) -> None:
    left = runs.new_run("debian12", dead_process())

    runs.new_run("debian12", me())

    assert lab_cache in left.folder.parents
    assert not left.folder.exists()


def test_a_folder_without_a_state_is_cleaned_up(lab_cache: Path) -> None:
    alive = runs.new_run("debian12", me())
    half = runs.runs_folder() / "session-k7x2m9q4"
    half.mkdir()
    (half / "disk.qcow2").touch()

    assert [left.folder for left in runs.clean()] == [half]
    assert not half.exists()
    assert runs.running() == [alive]


def test_a_living_run_is_kept(lab_cache: Path) -> None:
    mine = runs.new_run("debian12", me())

    assert runs.clean() == []
    assert runs.running() == [mine]
    assert lab_cache in mine.folder.parents


def test_a_process_number_that_was_given_away_is_not_killed(lab_cache: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        stranger = ProcessIdentity.of(innocent.pid)
        run = runs.new_run("debian12", dead_process())
        runs.Run(run.folder, "debian12", run.owner, ProcessIdentity(stranger.pid, stranger.started - 100)).save()

        runs.clean()

        assert stranger.alive()
        innocent.kill()
    assert lab_cache.exists()


@pytest.mark.parametrize(
    "text",
    [
        '{"release": "deb',
        "[]",
        "{}",
        '{"release": "debian12", "owner": {"pid": "1", "started": 1.0}, "qemu": null, "port": 0, "accelerator": ""}',
        '{"release": "debian12", "owner": {"pid": 1, "started": null}, "qemu": null, "port": 0, "accelerator": ""}',
        '{"release": "debian12", "owner": [1, 1.0], "qemu": null, "port": 0, "accelerator": ""}',
    ],
)
def test_a_damaged_state_file_is_cleaned_up(text: str, lab_cache: Path) -> None:
    run = runs.new_run("debian12", me())
    (run.folder / "run.json").write_text(text, "utf-8")

    assert [left.folder for left in runs.clean()] == [run.folder]
    assert lab_cache.exists()


def test_a_program_does_not_begin_where_its_parent_has_ended(tmp_path: Path) -> None:
    """Else it would never get the signal that its parent's end sends."""
    program = child.bound_to_parent(signal.SIGKILL, ["touch", str(tmp_path / "begun")])
    assert subprocess.run(program, check=False, timeout=60).returncode == 0
    assert (tmp_path / "begun").exists()
    # A shell in between is another parent than the one that asked.
    (tmp_path / "begun").unlink()
    between = ["sh", "-c", '"$@"; exit $?', "sh", *program]
    assert subprocess.run(between, check=False, timeout=60).returncode == 1
    assert not (tmp_path / "begun").exists()
