"""The replica of SLES 12: built from its description, and entered like a host.

It is a replica: the packages have the names, versions and file lists of SLES 12, the files are placeholders, the
programs are stand-ins.  `/REPLICA` in it says so, and so does the name of its system.
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from selftest.replica.berkeley import to_berkeley
from selftest.replica.commands import own_namespace, program
from selftest.replica.description import HERE, sources
from selftest.replica.host import configure, start_state
from selftest.replica.packages import DBPATH, build, install
from selftest.replica.tools import INTERPRETER, PLACE, environment
from selftest.replica.transcripts import outputs

SYSTEM = "SUSE Linux Enterprise Server 12 (xenproof replica)"
# The folders of guests' images are subvolumes of their own there; here they are file systems of their own.
_SUBVOLUMES = {"/var/lib/xen/images": "0700", "/var/lib/libvirt/images": "0711"}
# A user namespace keeps these of what it got from outside, so binding anew has to name them.
_KEPT = {os.ST_NOSUID: "nosuid", os.ST_NODEV: "nodev", os.ST_NOEXEC: "noexec", os.ST_NOATIME: "noatime"}


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica in a folder: its root directory, and beside it what is there while it runs."""

    folder: Path

    @property
    def root(self) -> Path:
        """The root directory: what would be on the disk of the host."""
        return self.folder / "root"

    def enter(self, command: str = "") -> list[str]:
        """The words that run a shell command in the replica, as its root; without one, what ssh was asked to run."""
        return [str(self.folder / "enter"), *([command] if command else [])]


def make(folder: Path) -> Replica:
    """Build the replica in the empty `folder`, which takes seconds; needs rpm, db5.3-util and namespaces."""
    if any(letter.isspace() for letter in str(folder)):
        raise ValueError(f"rpmbuild takes no folder with a blank in its name: {str(folder)!r}")
    replica = Replica(folder)
    install(build(sources(), outputs(), folder / "build"), replica.root)
    to_berkeley(replica.root / DBPATH.lstrip("/"))
    configure(replica.root)
    start_state(folder / "running")
    (folder / "mounts").write_text(_mounts(folder), "utf-8")
    write_enter(replica, folder / "enter")
    return replica


def write_enter(replica: Replica, path: Path, change: Path | None = None) -> None:
    """Write the program that enters the replica; the shell text in the file `change` changes it on the way, each time.

    The text runs as the root of the replica's namespaces, outside of its root directory, whose path is `$1/root`.
    """
    path.write_text(_enter(replica.folder, change), "utf-8")
    path.chmod(0o755)


def _enter(folder: Path, change: Path | None) -> str:
    # Each session has process numbers of its own, so that no other one can end what hangs in it: it ends with its sshd.
    with_parent = [program("setpriv"), "--pdeathsig", "KILL"]
    isolated = [*with_parent, program("unshare"), *own_namespace()[1:], "--mount", "--pid", "--fork", "--kill-child"]
    variables = [f"{name}={value}" for name, value in environment().items()]
    words = [*isolated, program("env"), "-i", *variables, "/bin/sh", str(HERE / "start.sh"), str(folder)]
    command = '"${1-${SSH_ORIGINAL_COMMAND:-exec /bin/bash -l}}"'
    return f"#!/bin/sh\nexec {shlex.join(words)} {command} {shlex.quote(str(change or ''))}\n"


def _mounts(folder: Path) -> str:
    """The lines of a file like fstab, in the order in which they are mounted."""
    root, running = folder / "root", folder / "running"
    flags = os.statvfs(folder).f_flag
    kept = "".join(f",{name}" for flag, name in _KEPT.items() if flags & flag)
    bound = {root: "", running / "run": "/run", running / "sys": "/sys", running / "dev": "/dev"}
    rows = [(str(source), f"{root}{place}", f"bind,ro{kept}") for source, place in bound.items()]
    rows += [("/dev/null", f"{root}/dev/null", "bind")]
    tools = f"{running}{PLACE}"
    rows += [(f"{tools}/lib/{Path(INTERPRETER).name}", f"{root}{INTERPRETER}", f"bind,ro{kept}")]
    rows += [(f"{tools}/bin/bash", f"{root}/bin/bash", f"bind,ro{kept}")]
    lines = [f"{source} {place} none {options} 0 0" for source, place, options in rows]
    lines += [f"proc {root}/proc tmpfs mode=0555 0 0"]
    lines += [f"images {root}{path} tmpfs mode={mode} 0 0" for path, mode in _SUBVOLUMES.items()]
    lines += [f"proc {root}/run/replica/proc proc defaults 0 0"]
    return "".join(f"{line}\n" for line in lines)
