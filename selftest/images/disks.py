"""Real file systems and disk images, made without root by the programs that make them everywhere."""

import os
import subprocess
from pathlib import Path

SECTOR = 512
_FIRST = 2048
_PROGRAMS = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C"}


def call(*command: str, stdin: str = "") -> str:
    """What a program prints; raises CalledProcessError if it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, env=_PROGRAMS)
    return done.stdout


def make_ext4(image: Path, root: Path, *options: str, size: str = "16M", kind: str = "ext4") -> Path:
    """An ext file system with what is in a directory; its root directory is root's."""
    call("mke2fs", "-q", "-t", kind, "-E", "root_owner=0:0", *options, "-d", str(root), str(image), size)
    return image


def give(image: Path, path: str, uid: int, gid: int) -> None:
    """Make a file in an ext file system belong to somebody."""
    debugfs(image, f"set_inode_field {path} uid {uid}", f"set_inode_field {path} gid {gid}")


def debugfs(image: Path, *requests: str) -> str:
    """Change an ext file system without mounting it."""
    return call("debugfs", "-w", "-f", "/dev/stdin", str(image), stdin="\n".join(requests))


def make_disk(image: Path, parts: list[Path | int], label: str = "gpt") -> Path:
    """A disk with a partition for each part: a file that fills it, or a number of bytes that stay empty."""
    sizes = [part.stat().st_size if isinstance(part, Path) else part for part in parts]
    starts = [_FIRST + sum(sizes[:at]) // SECTOR for at in range(len(parts))]
    with image.open("wb") as out:
        out.truncate((starts[-1] + _FIRST) * SECTOR + sizes[-1])
    rows = [f"start={start}, size={size // SECTOR}" for start, size in zip(starts, sizes, strict=True)]
    call("sfdisk", "--quiet", str(image), stdin="\n".join([f"label: {label}", *rows]) + "\n")
    with image.open("r+b") as out:
        for part, start in zip(parts, starts, strict=True):
            if isinstance(part, Path):
                out.seek(start * SECTOR)
                out.write(part.read_bytes())
    return image
