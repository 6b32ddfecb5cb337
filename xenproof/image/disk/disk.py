"""A disk image as the tree of files that its own system would see."""

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import SourceError
from xenproof.image.budget import Budget
from xenproof.image.disk.container import open_container
from xenproof.image.disk.dissect_node import FileSystem, SharedReading
from xenproof.image.disk.filesystem import open_filesystem
from xenproof.image.disk.kept_nodes import KeptNodes
from xenproof.image.disk.partitions import Partition, read_partitions
from xenproof.image.disk.signature import READABLE
from xenproof.image.fstab import Entry, read_fstab
from xenproof.image.node import Node
from xenproof.image.system import system_name
from xenproof.image.tree import Tree
from xenproof.image.unknowable import VOLATILE

# Subvolumes into which installers put the root if it is not in the default one.
_USUAL_ROOTS = ("@", "@rootfs", "root")
# /dev/sda2, /dev/vda2, /dev/xvda2, /dev/mmcblk0p2, /dev/nvme0n1p2
_DEVICE = re.compile(r"/dev/(?:[a-z]+|[a-z]+\d+(?:n\d+)?p)([1-9]\d{0,2})")
_BY = {
    "/dev/disk/by-uuid/": "UUID",
    "/dev/disk/by-label/": "LABEL",
    "/dev/disk/by-partuuid/": "PARTUUID",
    "/dev/disk/by-partlabel/": "PARTLABEL",
}
_MOST_FILESYSTEMS = 128
_NO_PLACE = ("swap",)
_MADE_AT_BOOT = ("tmpfs", "ramfs", "proc", "sysfs", "devpts", "xenfs", "debugfs", "cgroup", "cgroup2", "hugetlbfs")


@dataclass(frozen=True, slots=True)
class _Part:
    """A partition with the file system in it."""

    partition: Partition
    filesystem: FileSystem


@dataclass(frozen=True, slots=True)
class DiskTree:
    """The tree, and the place of its root for the report."""

    tree: Tree
    root: str


def read_disk(path: Path, files: ExitStack, backing: tuple[Path, ...], budget: Budget) -> DiskTree:
    """The tree of the only system on a disk image, which can be read until `files` are closed.

    `backing` are the backing files that the user allows; all reading is within the `budget`.  Raises
    SourceError with what was found if there is not exactly one system.
    """
    partitions = read_partitions(open_container(path, files, backing, budget), path)
    readable = [part for part in partitions if part.kind in READABLE]
    if len(readable) > _MOST_FILESYSTEMS:
        raise SourceError(f"{path} has {len(readable)} file systems, more than the {_MOST_FILESYSTEMS} that are read")
    shared = SharedReading(budget, KeptNodes())
    parts = [_Part(part, open_filesystem(part.kind, part.stream, part.place, shared)) for part in readable]
    roots = [(part, name, node) for part in parts if (found := _root(part.filesystem)) for name, node in [found]]
    if not roots:
        raise SourceError(f"{path} has no root file system: {_described(partitions)}")
    if len(roots) > 1:
        raise SourceError(
            f"{path} has {len(roots)} root file systems: {_choices(roots)}; copy the one that you mean into a file of "
            "its own (dd with bs=512, skip and count) and name that"
        )
    part, subvolume, node = roots[0]
    tree = Tree(node, VOLATILE, budget)
    mounts = _mounts(read_fstab(tree), parts)
    where = f"{part.filesystem.type} in {part.partition.place}" + (f", subvolume {subvolume}" if subvolume else "")
    return DiskTree(Tree(node, {**mounts, **VOLATILE}, budget), where)


def _root(filesystem: FileSystem) -> tuple[str, Node] | None:
    """The subvolume ("" for the default one) and the directory that look like the root of a system."""
    choices = {"": filesystem.root} | {
        name: filesystem.subvolumes[name] for name in _USUAL_ROOTS if name in filesystem.subvolumes
    }
    return next(((name, node) for name, node in choices.items() if _is_root(node)), None)


def _is_root(node: Node) -> bool:
    tree = Tree(node)
    return tree.directory("/etc") is not None and (tree.directory("/usr") or tree.directory("/bin")) is not None


def _described(partitions: Sequence[Partition]) -> str:
    kinds = [f"{part.place} holds {part.kind or 'nothing that is known'}" for part in partitions]
    hint = "a raw or qcow2 image with a system on ext4, xfs or btrfs was expected"
    if any("LUKS" in part.kind for part in partitions):
        hint = "open the encrypted partition with cryptsetup and copy what it holds into a file, then name that"
    elif any(part.kind == "LVM" for part in partitions):
        hint = "volumes of LVM are not read: copy the root volume into a file, then name that"
    elif not any(part.kind in READABLE for part in partitions):
        hint = "ext2, ext3, ext4, xfs and btrfs are read; mount or unpack any other and name the directory"
    return f"{', '.join(kinds)}; {hint}"


def _choices(roots: Sequence[tuple[_Part, str, Node]]) -> str:
    return ", ".join(
        f"{part.partition.place} ({part.filesystem.type}, {system_name(Tree(node)) or 'unknown system'}, "
        f"skip={part.partition.row.start // 512} count={part.partition.row.size // 512})"
        for part, _, node in roots
    )


def _mounts(entries: Sequence[Entry], parts: Sequence[_Part]) -> Mapping[str, Node | str]:
    """The mounts of fstab in the tree: directories of this image's file systems, or the reason why one is unknown."""
    found: dict[str, Node | str] = {}
    for entry in entries:
        if entry.path == "/" or entry.type in _NO_PLACE or "noauto" in entry.options:
            continue
        if entry.type in _MADE_AT_BOOT:
            found[entry.path] = f"{entry.path} is a {entry.type}: it is made when the system starts"
            continue
        if "bind" in entry.options or "rbind" in entry.options:
            found[entry.path] = f"{entry.path} is {entry.device} at another place, which is not followed"
            continue
        what = f"{entry.path} is on {entry.device} ({entry.type})"
        if (part := next((part for part in parts if _names(entry.device, part)), None)) is None:
            found[entry.path] = f"{what}, which is no file system in this image that can be read"
        elif subvolume := entry.option("subvol").strip("/"):
            mounted = part.filesystem.subvolumes.get(subvolume)
            found[entry.path] = mounted or f"{what}, which has no subvolume {subvolume}"
        else:
            found[entry.path] = part.filesystem.root
    return found


def _names(device: str, part: _Part) -> bool:
    """Whether the device name in fstab means the partition."""
    for prefix, key in _BY.items():
        if device.startswith(prefix):
            device = f"{key}={device.removeprefix(prefix)}"
    key, equals, value = device.partition("=")
    if equals:
        value = value.strip('"')
        mine = {
            "UUID": part.filesystem.uuid,
            "LABEL": part.filesystem.label,
            "PARTUUID": part.partition.row.uuid,
            "PARTLABEL": part.partition.row.name,
        }.get(key, "")
        return bool(mine) and (mine == value if "LABEL" in key else mine.lower() == value.lower())
    # Any name is possible for the disk where the image runs; one disk is likely, but not certain.
    number = _DEVICE.fullmatch(device)
    return number is not None and int(number[1]) == part.partition.row.number
