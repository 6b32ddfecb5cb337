"""File systems of guests' disks, made with all their files in them and without root rights.

Each has only what every GRUB 2 reads: 2.02 came with the first of the releases that are tested, 2.12 with the last.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from xenproof.errors import LabError
from xenproof.programs import require

MIB = 1 << 20
FILESYSTEMS = ("ext4", "btrfs", "xfs")
# What each takes for itself, rounded up.
_OWN_MIB = {"ext4": 3, "btrfs": 16, "xfs": 18}
_LABEL = "xenproof"


def make_filesystem(kind: str, tree: Path, path: Path) -> int:
    """Make `path`, a file system of `kind` that holds the files of `tree`; its size in bytes.

    `kind` is one of FILESYSTEMS.  Raises LabError where its mkfs is missing or fails.
    """
    used = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file())
    size = (used // MIB + _OWN_MIB[kind]) * MIB
    problem = ""
    for command in _commands(kind, tree, path):
        path.write_bytes(b"")
        os.truncate(path, size)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode == 0:
            # mkfs.btrfs lets the file grow where its files need more.
            size = -(-path.stat().st_size // MIB) * MIB
            os.truncate(path, size)
            return size
        problem = problem or f"{command[0]} ended with exit code {done.returncode}: {done.stderr.strip()[:500]!r}"
    raise LabError(problem)


def _commands(kind: str, tree: Path, path: Path) -> Iterator[list[str]]:
    """What makes it, and what makes it where the program is too old for that."""
    match kind:
        case "ext4":
            features = "none,filetype,extent,sparse_super"
            yield [
                require("mke2fs"), "-q", "-F", "-t", "ext4", "-O", features, "-m", "0", "-b", "4096", "-N", "64",
                "-L", _LABEL, "-d", str(tree), str(path),
            ]  # fmt: skip
        case "btrfs":
            # Mixed, as one of so few MiB has no room for groups of their own of data and of metadata.
            yield [require("mkfs.btrfs"), "-q", "--mixed", "-L", _LABEL, "--rootdir", str(tree), str(path)]
        case "xfs":
            files = path.with_suffix(".proto")
            files.write_text("\n".join(["/", "0 0", *_proto(tree)]) + "\n", "utf-8")
            options = ["-q", "-m", "bigtime=0,inobtcount=0,reflink=0,rmapbt=0,finobt=0", "-L", _LABEL, "-p", str(files)]
            # xfsprogs 5.19 and later: nothing below 300 MiB without that word, and inodes that GRUB 2.06 cannot read.
            newer = ["--unsupported", "-i", "sparse=0,nrext64=0"]
            yield [require("mkfs.xfs"), *newer, *options, str(path)]
            yield [require("mkfs.xfs"), "-i", "sparse=0", *options, str(path)]
        case _:
            raise LabError(f"there is no file system {kind!r} for guests; expected one of {', '.join(FILESYSTEMS)}")


def _proto(folder: Path, name: str = "") -> Iterator[str]:
    """The lines of mkfs.xfs's prototype for `folder`."""
    yield f"{name} d--755 0 0".strip()
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            yield from _proto(entry, entry.name)
        else:
            yield f"{entry.name} ---644 0 0 {entry}"
    yield "$"
