"""The directories for guests' images: their file system, its free space, and whether host snapshots include them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.listing import believable_listing, unknown_paths
from xenproof.probing.probes import host_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# /dev/sda1      ext4     4045536 915908   2903580      24% /
_ROW = re.compile(
    r"\S(?:.*\S)? +([a-zA-Z][\w.-]*) +(?:\d{1,20} +\d{1,20} +(-?\d{1,20})|- +- +-) +(?:\d{1,20}%|-) /.*", re.ASCII
)
# ---------------C------ /var/lib/xen/images
_FLAGS = re.compile(r"([A-Za-z-]{10,40}) (/.*)", re.ASCII)
BTRFS = "btrfs"
_HEADER = ["Filesystem", "Type"]


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """The file system of a directory, such as "btrfs", and its free space in KiB, None if unknown."""

    filesystem: str
    free_kib: int | None

    @property
    def free_mib(self) -> int:
        """Its free space in MiB; raises NotEvaluable if it is unknown."""
        if self.free_kib is None:
            raise NotEvaluable("the file system is not mounted, so it has no free room to measure")
        return self.free_kib >> 10


@dataclass(frozen=True, slots=True)
class Images:
    """The directories that were read; None for those that do not exist; `unknown` has the reason for the others."""

    rows: Mapping[str, ImageFolder | None]
    unknown: Mapping[str, str] = field(default_factory=dict)

    def folder(self, path: str) -> ImageFolder:
        """The directory; raises NotEvaluable if it does not exist or the source cannot determine it."""
        if path in self.unknown:
            raise NotEvaluable(self.unknown[path])
        if path not in self.rows:
            raise ParseError(f"'df' says nothing of {path}")
        if (found := self.rows[path]) is None:
            raise NotEvaluable(f"there is no directory {path}")
        return found


def parse_images(output: ProbeOutput) -> Images:
    """The directories; raises ParseError unless `df` has one row for each existing directory."""
    asked = [line.partition(" ") for line in section(output, "df-list").lines]
    believable_listing(output, "df")
    there = [path for word, _, path in asked if word == "there"]
    header, *rows = section(output, "df").ended_with(0).lines or [""]
    if there and header.split()[:2] != _HEADER:
        raise ParseError(f"expected the header of 'df -PT', found {header[:80]!r}")
    if len(rows) != len(there):
        raise ParseError(f"expected {len(there)} rows from 'df -PT', found {len(rows)}")
    found: dict[str, ImageFolder | None] = dict.fromkeys(path for word, _, path in asked if word == "missing")
    for path, line in zip(there, rows, strict=True):
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected a file system from 'df -PT', found {line[:200]!r}")
        found[path] = ImageFolder(row[1], int(row[2]) if row[2] else None)
    return Images(found, unknown_paths(output, "df"))


@dataclass(frozen=True, slots=True)
class Subvolumes:
    """The device number of each directory (each btrfs subvolume has its own), and the flags of its files."""

    devices: Mapping[str, str]
    no_cow: frozenset[str]


def parse_subvolumes(output: ProbeOutput) -> Subvolumes:
    """The subvolumes; raises ParseError if a line has another form or the root directory is missing."""
    devices: dict[str, str] = {}
    for line in section(output, "image-devices").ended_with(0).lines:
        # 2049 /var/lib/xen/images
        number, _, path = line.partition(" ")
        if not number.isdecimal() or not path.startswith("/"):
            raise ParseError(f"expected a device's number and a path from 'stat', found {line[:200]!r}")
        devices[path] = number
    if "/" not in devices:
        raise ParseError("'stat' did not describe /, so nothing is known of subvolumes")
    # Without lsattr, or if the file system has no flags, there is no row, and copy-on-write is assumed.
    rows = [_FLAGS.fullmatch(line) for line in section(output, "image-flags").lines]
    return Subvolumes(devices, frozenset(row[2] for row in rows if row is not None and "C" in row[1]))


IMAGES = Family("images", host_probe, parse_images)
SUBVOLUMES = Family("subvolumes", host_probe, parse_subvolumes)


def snapshot_free(images: Images, subvolumes: Subvolumes, path: str) -> Answer:
    """Whether no snapshot of the root file system includes the images in a directory."""
    if (filesystem := images.folder(path).filesystem) != BTRFS:
        return Answer(True, f"{filesystem} takes no snapshots of its own")
    if path not in subvolumes.devices:
        raise ParseError(f"'stat' says nothing of {path}")
    if subvolumes.devices[path] != subvolumes.devices["/"]:
        return Answer(True, "a subvolume of its own")
    if path in subvolumes.no_cow:
        return Answer(True, "in the subvolume of /, but without copy-on-write")
    return Answer(False, "in the subvolume of /, with copy-on-write")
