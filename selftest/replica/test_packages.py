"""The replica's packages: in a real database of the format that SLES 12 has, which rpm and our own reader read."""

import os
import shutil
import subprocess
from pathlib import Path

from selftest.replica.commands import program
from selftest.replica.description import sources
from selftest.replica.packages import DBPATH
from selftest.replica.replica import Replica
from xenproof.image.folder import FolderNode
from xenproof.image.rpm.database import rpm_packages
from xenproof.image.tree import Tree


def ask(replica: Replica, command: str) -> list[str]:
    """The lines that a command prints in the replica, sorted; it has to succeed and to complain of nothing."""
    done = subprocess.run(replica.enter(command), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(done.stdout.splitlines())


def described() -> list[str]:
    return sorted(
        f"{package.name}-{source.version}-{source.release}" for source in sources() for package in source.packages
    )


def test_rpm_lists_what_is_described(replica: Replica) -> None:
    assert ask(replica, r"rpm -qa --qf '%{NAME}-%{VERSION}-%{RELEASE}\n'") == described()
    assert {"xen-4.4.1_06-2.2", "kernel-xen-3.12.28-4.6", "supportutils-3.0-50"} < set(described())


def test_the_database_is_of_berkeley_db_and_our_reader_reads_it(replica: Replica) -> None:
    folder = replica.root / DBPATH.lstrip("/")
    assert (folder / "Packages").is_file()
    assert not list(folder.glob("rpmdb.sqlite*"))
    found = rpm_packages(Tree(FolderNode(replica.root), {}))
    assert found is not None
    assert sorted(line.replace("ii \t", "").replace("\t", "-") for line in found.splitlines()[1:]) == described()


def test_its_indexes_find_packages_by_name_file_and_requirement(replica: Replica) -> None:
    assert ask(replica, "rpm -q xen-tools") == ["xen-tools-4.4.1_06-2.2.x86_64"]
    assert ask(replica, "rpm -qf /usr/sbin/xl /boot/xen.gz") == [
        "xen-4.4.1_06-2.2.x86_64",
        "xen-tools-4.4.1_06-2.2.x86_64",
    ]
    assert ask(replica, "rpm -q --whatrequires grub2-x86_64-xen") == ["xen-tools-4.4.1_06-2.2.x86_64"]


def test_every_package_is_of_a_vendor_that_is_not_suse(replica: Replica) -> None:
    assert set(ask(replica, r"rpm -qa --qf '%{VENDOR}|%{DISTRIBUTION}\n'")) == {
        "xenproof, not SUSE|xenproof replica of SUSE Linux Enterprise 12"
    }


def test_no_file_but_configuration_differs_from_its_package(replica: Replica) -> None:
    done = subprocess.run(replica.enter("rpm -Va"), capture_output=True, text=True, timeout=120, check=False)
    differing = {line.split(maxsplit=1)[1] for line in done.stdout.splitlines()}
    # While it runs, its shell and the loader of its programs are those of this machine; the others are mounts.
    running = {"/bin/bash", "/lib64/ld-linux-x86-64.so.2", "/dev", "/proc", "/run", "/sys"}
    assert differing - running == {"c /etc/default/grub"}


def test_what_was_changed_since_is_seen(replica: Replica, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(replica.root, root, symlinks=True, ignore=shutil.ignore_patterns("ssh"))
    (root / "usr/sbin/xl").write_text("#!/bin/sh\n")
    (root / "etc/xen/scripts/block").unlink()
    prefix = [] if os.geteuid() == 0 else [program("unshare"), "--user", "--map-root-user"]
    command = [program("rpm"), "--root", str(root), "--dbpath", DBPATH, "--define", "_db_backend bdb_ro"]
    done = subprocess.run(
        [*prefix, *command, "-V", "--nomtime", "--nouser", "--nogroup", "xen-tools"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["missing     /etc/xen/scripts/block", "S.5......    /usr/sbin/xl"]
