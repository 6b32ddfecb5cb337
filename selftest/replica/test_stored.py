"""The replica as what a host leaves: its root directory, a disk with it, its supportconfig, its recording."""

import json
import sys
import tarfile
from pathlib import Path

import pytest

from selftest.images.disks import make_disk
from selftest.lab.suite import Suite, SuiteRun
from selftest.mutants.bases import base, replica_recording
from selftest.mutants.checks import judges, load_checks
from selftest.mutants.evaluate import evaluate
from selftest.mutants.registry import ELSEWHERE
from selftest.replica.commands import as_root, program, run
from selftest.replica.live import LiveReplica
from selftest.replica.replica import SYSTEM, Replica
from selftest.replica.supportconfig import collect, pack
from xenproof.profile.load import load_profile
from xenproof.results.verdict import Outcome
from xenproof.source.probe import Recording


def examined(suite: Suite, url: str) -> SuiteRun:
    """The suite against what is stored, as the one whose files are root's."""
    python, *rest = suite.command("--profile=sles12", f"--hosts={url}", "tests/host")
    assert python == sys.executable
    done = suite.started(as_root(python, *rest))
    (host,) = json.loads((done.report / "results.json").read_text())["hosts"]
    assert host["facts"]["system"] == SYSTEM
    return done


def test_its_root_directory_conforms(replica: Replica, suite: Suite) -> None:
    done = examined(suite, f"image://{replica.root}")
    assert done.exit_status == 0, done.output
    assert done.ids("fail") | done.ids("error") == set()
    assert len(done.ids("pass")) >= 400


@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_a_disk_with_it_conforms(replica: Replica, suite: Suite, tmp_path: Path, kind: str) -> None:
    system = tmp_path / "ext4"
    run(
        as_root(
            program("mke2fs"), "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", str(replica.root), str(system), "64M"
        )
    )
    disk = make_disk(tmp_path / "disk.raw", [1 << 20, system])
    if kind == "qcow2":
        run([program("qemu-img"), "convert", "-O", "qcow2", str(disk), str(tmp_path / "disk.qcow2")])
    done = examined(suite, f"image://{tmp_path / f'disk.{kind}'}")
    assert done.exit_status == 0, done.output
    assert done.ids("fail") | done.ids("error") == set()
    # Its fstab has subvolumes, such as /var/log, that this disk has not: nobody knows what is in those.
    assert len(done.ids("pass")) >= 380


@pytest.mark.parametrize("form", ["directory", "archive"])
def test_its_supportconfig_conforms(replica: Replica, suite: Suite, tmp_path: Path, form: str) -> None:
    collected = collect(replica, tmp_path)
    done = examined(suite, f"supportconfig://{collected if form == 'directory' else pack(collected)}")
    assert done.exit_status == 0, done.output
    assert done.ids("fail") | done.ids("error") == set()
    assert len(done.ids("pass")) >= 200


def test_each_file_of_its_supportconfig_says_what_it_is(replica: Replica, tmp_path: Path) -> None:
    archive = pack(collect(replica, tmp_path))
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar.getmembers() if member.isfile()}
        heads = {name.partition("/")[2]: file.read(1500).decode() for name, file in files.items() if file is not None}
    assert {"xen.txt", "rpm.txt", "boot.txt", "basic-environment.txt", "systemd.txt"} < heads.keys()
    says = "# /REPLICA\n\nThis is a replica that xenproof's own tests build."
    assert [name for name, head in heads.items() if says not in head] == []


def test_a_changed_supportconfig_does_not_conform(replica: Replica, suite: Suite, tmp_path: Path) -> None:
    xen = collect(replica, tmp_path) / "xen.txt"
    xen.write_text(xen.read_text().replace("xen_minor              : 4\n", "xen_minor              : 5\n"))
    done = examined(suite, f"supportconfig://{xen.parent}")
    assert done.exit_status == 1
    assert done.ids("fail") == {"test_field_is[xen_minor]"}


def judged(recording: Recording) -> dict[str, str]:
    """What does not pass of the expectations of the profile's host checks, and why."""
    profile = load_profile("sles12")
    named = judges(load_checks(), profile)
    found: dict[str, str] = {}
    for expected in profile.expectations.values():
        for check in named[expected.key] if expected.family not in ELSEWHERE else ():
            end = evaluate(check, expected, recording, profile)
            if end.outcome is not Outcome.PASS:
                found[expected.key] = f"{end.outcome}: {end.reason}"
    return found


def test_the_recording_that_is_kept_is_what_the_replica_says(live: LiveReplica) -> None:
    kept = base(load_profile("sles12"))
    assert kept.origin == f"replica: data/recordings/{replica_recording('sles12').name}, which is no real host"
    assert kept.recording.about["replica"].startswith(SYSTEM)
    now = live.record(load_profile("sles12"))
    hint = "make it anew: .venv/bin/python -m selftest.replica record"
    assert kept.recording.outputs.keys() == now.outputs.keys(), hint
    assert judged(kept.recording) == {}, hint
    assert judged(now) == {}
