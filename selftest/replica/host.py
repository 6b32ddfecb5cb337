"""The replica as a host: what is set up on top of its packages, and what is there while it runs."""

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from selftest.replica.commands import program, run
from selftest.replica.description import HERE, texts_below
from selftest.replica.tools import borrow

# What an administrator and YaST write.
CONFIGURED = HERE / "configured"
# What the kernel and the daemons make.
RUNNING = HERE / "running"
HOST_KEYS = ("ecdsa", "ed25519")


def table() -> Mapping[str, Any]:
    """What host.yaml says."""
    found: Mapping[str, Any] = YAML(typ="safe").load(HERE / "host.yaml")
    return found


def configure(root: Path) -> None:
    """Set the host up: its configuration, the units that start at boot, its keys."""
    says = table()
    for path, text in texts_below(CONFIGURED).items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.read_bytes())
    for name in says["fillup"]:
        shutil.copy(root / f"var/adm/fillup-templates/sysconfig.{name}", root / f"etc/sysconfig/{name}")
    for target_unit, units in says["enabled"].items():
        folder = root / f"etc/systemd/system/{target_unit}.wants"
        folder.mkdir(parents=True)
        for unit in units:
            (folder / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    for kind in HOST_KEYS:
        make_key(root / f"etc/ssh/ssh_host_{kind}_key", kind)
    _let_root_in(root)


def _let_root_in(root: Path) -> None:
    """A pair of hosts as xl migrate needs it: root's key, let in by itself, and the host's own key, known."""
    folder = root / "root/.ssh"
    folder.mkdir(mode=0o700)
    make_key(folder / "id_ed25519")
    public = (folder / "id_ed25519.pub").read_text("utf-8")
    (folder / "authorized_keys").write_text(public, "utf-8")
    (folder / "authorized_keys").chmod(0o600)
    host = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text("utf-8").split()
    (folder / "known_hosts").write_text(f"xenproof-replica {host[0]} {host[1]}\n", "utf-8")


def make_key(path: Path, kind: str = "ed25519") -> None:
    """A new ssh key without a passphrase."""
    run([program("ssh-keygen"), "-q", "-t", kind, "-N", "", "-C", "xenproof-replica", "-f", str(path)])


def start_state(folder: Path) -> None:
    """Write to `folder` what is below /proc, /sys, /run and /dev while the host runs."""
    says = table()
    shutil.copytree(RUNNING, folder)
    for pid, process in says["processes"].items():
        _process(folder / "proc" / str(pid), int(pid), process)
    (folder / "proc/self").symlink_to("/run/replica/proc/self")
    (folder / "run").mkdir(exist_ok=True)  # empty where the host is off, and git keeps no empty folder
    for name, pid in says["pid_files"].items():
        (folder / "run" / name).write_text(f"{pid}\n", "utf-8")
    for name in says["sockets"]:
        (folder / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        os.mknod(folder / "run" / name, stat.S_IFSOCK | 0o600)
    (folder / "run/lock").mkdir(parents=True)
    (folder / "run/replica/proc").mkdir(parents=True)
    (folder / "run/replica/units").write_text(says["units"], "utf-8")
    (folder / "run/sshd").mkdir()  # without it sshd says nothing
    (folder / "dev").mkdir()
    (folder / "dev/null").touch()
    borrow(folder / "run/replica/tools")


def _process(folder: Path, pid: int, process: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    (folder / "comm").write_text(f"{process['name']}\n", "utf-8")
    (folder / "cmdline").write_text(process["command"].replace(" ", "\0") + "\0", "utf-8")
    (folder / "stat").write_text(f"{pid} ({process['name']}) S 1 {pid} {pid} 0 -1\n", "utf-8")
    if file := process.get("file"):
        (folder / "exe").symlink_to(file)
