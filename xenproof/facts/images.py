"""The directories for guests' images: their file system and its room."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.family import Family
from xenproof.facts.listing import believable_listing
from xenproof.facts.probes import host_probe
from xenproof.facts.sections import section
from xenproof.source.probe import ProbeOutput

# /dev/sda1      ext4     4045536 915908   2903580      24% /
_ROW = re.compile(r"\S.* +([a-zA-Z][\w.-]*) +\d+ +\d+ +(-?\d+) +(?:\d+%|-) /.*", re.ASCII)
_HEADER = ["Filesystem", "Type"]


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """The file system of a directory, such as "btrfs", and its free room in MiB."""

    filesystem: str
    free_mib: int


@dataclass(frozen=True, slots=True)
class Images:
    """The directories that were asked for; None where there is none."""

    rows: Mapping[str, ImageFolder | None]

    def folder(self, path: str) -> ImageFolder:
        """The directory; raises NotEvaluable if there is none."""
        if path not in self.rows:
            raise ParseError(f"'df' says nothing of {path}")
        if (found := self.rows[path]) is None:
            raise NotEvaluable(f"there is no directory {path}")
        return found


def parse_images(output: ProbeOutput) -> Images:
    """The directories; raises ParseError unless `df` has one row for each that is there."""
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
        found[path] = ImageFolder(row[1], int(row[2]) >> 10)
    return Images(found)


IMAGES = Family("images", host_probe, parse_images)
