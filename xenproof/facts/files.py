"""Files by path: type, mode and owner, never their content."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.listing import believable_listing, unknown_paths
from xenproof.probing.probes import RELEASE, host_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

_TYPES: Mapping[int, str] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
# 81a4 root:root /etc/xen/xl.conf; ? ?:? /etc/xen/xl.conf if a source only knows that the file exists
_ROW = re.compile(r"([0-9a-f]{3,5}|\?) ([^:\s]+:[^:\s]+) (/.*)")
CONTROL = "/proc"
# Printed by a source in place of a mode and an owner that it cannot determine.
UNKNOWN_MODE = "?"
UNKNOWN_OWNER = "?:?"


@dataclass(frozen=True, slots=True)
class File:
    """A file as the probe printed it: its mode as a number, including its type, and its owner.  Links are not followed.

    An attribute raises NotEvaluable if the source cannot determine it.
    """

    st_mode: int | None
    printed_owner: str

    @property
    def type(self) -> str:
        """Its type, such as "file" or "directory"."""
        return _TYPES[stat.S_IFMT(self._mode)]

    @property
    def mode(self) -> str:
        """Its permissions, such as "0644"."""
        return f"0{stat.S_IMODE(self._mode):03o}"

    @property
    def owner(self) -> str:
        """Its owner and group, such as "root:root"."""
        if self.printed_owner == UNKNOWN_OWNER:
            raise NotEvaluable("this source does not tell whose the file is")
        return self.printed_owner

    @property
    def _mode(self) -> int:
        if self.st_mode is None:
            raise NotEvaluable("this source tells only that something is there, not its type or mode")
        return self.st_mode

    def __str__(self) -> str:
        if self.st_mode is None:
            return "it is there"
        return f"a {self.type} of {self.printed_owner}, mode {self.mode}"


@dataclass(frozen=True, slots=True)
class Files:
    """The paths that were read; None for those that do not exist; `unknown` has the reason for the others."""

    release: str
    rows: Mapping[str, File | None]
    unknown: Mapping[str, str] = field(default_factory=dict)

    def exists(self, path: str) -> Answer:
        """Whether the path exists."""
        if (file := self._row(path)) is None:
            return Answer(False, "nothing is there")
        return Answer(True, str(file))

    def file(self, path: str) -> File:
        """The file at the path; raises NotEvaluable if it does not exist."""
        if (file := self._row(path)) is None:
            raise NotEvaluable(f"{path} is absent, so it has no type, mode or owner")
        return file

    def _row(self, path: str) -> File | None:
        real = path.replace(RELEASE, self.release)
        if real in self.unknown:
            raise NotEvaluable(self.unknown[real])
        if real not in self.rows:
            raise ParseError(f"'stat' says nothing of {real!r}, neither that it is there nor that it is missing")
        return self.rows[real]


def release(output: ProbeOutput) -> str:
    """The release of the running kernel; raises ParseError if it is not one word."""
    lines = section(output, "release").ended_with(0).lines
    if len(lines) != 1 or not re.fullmatch(r"\d[\w.+~-]*", lines[0], re.ASCII):
        raise ParseError(f"expected the release of a kernel such as '6.1.0-1-amd64', found {lines[:2]!r}")
    return lines[0]


def parse_files(output: ProbeOutput) -> Files:
    """Type, mode and owner of each path that was to be read.

    Raises ParseError if an existing path was not read, or /proc is not among them.
    """
    there, missing = believable_listing(output, "stat")
    found: dict[str, File | None] = {}
    for line in section(output, "stat").ended_with(0).lines:
        if (row := _ROW.fullmatch(line)) is None or row[3] not in there:
            raise ParseError(f"expected mode, owner and path from 'stat', found {line[:200]!r}")
        mode = None if row[1] == UNKNOWN_MODE else int(row[1], 16)
        if mode is not None and stat.S_IFMT(mode) not in _TYPES:
            raise ParseError(f"{row[1]!r} is the mode of no kind of file, in {line[:200]!r}")
        found[row[3]] = File(mode, row[2])
    if unread := there - found.keys():
        raise ParseError(f"'stat' did not describe {', '.join(sorted(unread))}")
    unknown = unknown_paths(output, "stat")
    if CONTROL not in found and CONTROL not in unknown:
        raise ParseError(f"'stat' did not find {CONTROL}, so it cannot be believed about other paths")
    return Files(_release_in_paths(output), found | dict.fromkeys(missing), unknown)


def _release_in_paths(output: ProbeOutput) -> str:
    try:
        return release(output)
    except NotEvaluable:
        return RELEASE  # paths with {release} are reported as unknown under that name


FILES = Family("files", host_probe, parse_files)
