"""Programs of this machine that make the replica."""

import os
import shutil
import subprocess
from collections.abc import Sequence

_LIMIT_S = 120


def program(name: str) -> str:
    """The path of a program; raises RuntimeError that says what to do where it is missing."""
    # sshd and chroot are not on every user's PATH.
    if (found := shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")) is None:
        raise RuntimeError(f"{name} is missing, the replica of SLES 12 needs it: run scripts/setup test")
    return found


def as_root(*words: str) -> list[str]:
    """A command as root, or as the root of a user namespace in which the caller's files are root's."""
    return [*own_namespace(), *words]


def own_namespace() -> list[str]:
    """What goes before a command that has to be root; nothing for root."""
    return [] if os.geteuid() == 0 else [program("unshare"), "--user", "--map-root-user"]


def run(command: Sequence[str], *, stdin: str = "", **environment: str) -> str:
    """What the command prints; raises RuntimeError with its last words if it fails."""
    done = subprocess.run(
        command, env={**os.environ, "LC_ALL": "C.UTF-8", **environment}, capture_output=True, text=True,
        input=stdin, timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
