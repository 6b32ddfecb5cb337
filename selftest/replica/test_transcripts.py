"""What the stand-ins print: Xen 4.4.1's own words but for the substitutions, each of which has a reason."""

import dataclasses
import subprocess

import pytest

from selftest.replica.description import DescriptionError
from selftest.replica.replica import Replica
from selftest.replica.transcripts import DATA, Transcripts, transcripts

TABLE = transcripts()


def run(replica: Replica, command: str) -> "subprocess.CompletedProcess[str]":
    """A command in the replica."""
    return subprocess.run(replica.enter(command), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", sorted(TABLE.files))
def test_a_stand_in_prints_the_transcript_but_for_the_substitutions(replica: Replica, command: str) -> None:
    done = run(replica, command.replace("_", " "))
    assert (done.returncode, done.stderr) == (0, "")
    real = (DATA / TABLE.files[command]).read_text().split("\n")
    printed = done.stdout.split("\n")
    assert len(real) == len(printed)
    different = {(old, new) for old, new in zip(real, printed, strict=True) if old != new}
    assert different == {(row.line, row.becomes) for row in TABLE.substitutions if command in row.commands}


def test_few_lines_are_substituted_and_each_says_why() -> None:
    assert len(TABLE.substitutions) < 20
    assert all(row.reason and row.status in ("inferred", "unverified", "replica") for row in TABLE.substitutions)


def test_a_substitution_that_does_not_fit_is_an_error() -> None:
    row = dataclasses.replace(TABLE.substitutions[0], line="host : another")
    with pytest.raises(DescriptionError, match=r"xl_info\.out: expected one line 'host : another'"):
        Transcripts(TABLE.files, [row]).text("xl_info")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("xl create /etc/xen/vm/g1", "there is no transcript of 'xl create /etc/xen/vm/g1'"),
        ("xenstore-ls -p", "there is no transcript of 'xenstore-ls -p'"),
        ("virsh start g1", "virsh does not know 'start g1' here"),
        ("systemctl stop sshd.service", "systemctl does not know 'stop sshd.service' here"),
        ("xenpm get-cpuidle-states", "/usr/sbin/xenpm does nothing"),
        ("/usr/lib/xen/bin/qemu-system-i386 -xen-domid 0", "runs nothing"),
    ],
)
def test_what_no_stand_in_can_answer_is_no_answer(replica: Replica, command: str, says: str) -> None:
    done = run(replica, command)
    assert (done.returncode, done.stdout) == (99, "")
    assert done.stderr.startswith("xenproof replica: ")
    assert says in done.stderr
