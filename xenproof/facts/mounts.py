"""The mounted file systems."""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.texts import Texts, parse_texts
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.source.probe import ProbeOutput

PROC_MOUNTS = "/proc/mounts"
CONTROL = "/proc"
# /dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0
_ROW = re.compile(r"\S+ (/\S*) (\S+) (\S+) \d+ \d+")
# \040 stands for a blank in a path.
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system."""

    path: str
    filesystem: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mounts:
    """The mounts in the order in which they were made: the last one on a path is visible."""

    rows: tuple[Mount, ...]

    def mounted(self, path: str) -> Answer:
        """Whether a file system is mounted on the path itself."""
        found = next((mount for mount in reversed(self.rows) if mount.path == path), None)
        return Answer(found is not None, f"{found.filesystem} is" if found else f"none of {len(self.rows)} mounts")

    def filesystem(self, path: str) -> str:
        """The type of the file system that contains the path."""
        return self._holding(path).filesystem

    def writable(self, path: str) -> Answer:
        """Whether the file system that contains the path is mounted for writing."""
        mount = self._holding(path)
        return Answer("rw" in mount.options, f"{mount.path} is mounted {','.join(mount.options)}")

    def _holding(self, path: str) -> Mount:
        held = [mount for mount in self.rows if f"{path}/".startswith(f"{mount.path.rstrip('/')}/")]
        if not held:
            raise NotEvaluable(f"no mounted file system holds {path}")
        return max(reversed(held), key=lambda mount: len(mount.path))


def parse_mounts(output: ProbeOutput) -> Mounts:
    """The mounts; raises ParseError if a line is not a mount or nothing is mounted on /proc."""
    return mounts(parse_texts(output))


def mounts(texts: Texts) -> Mounts:
    """The mounts in `texts`."""
    rows: list[Mount] = []
    for line in texts.of(PROC_MOUNTS):
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected a mount, found {line[:200]!r}")
        path = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), row[1])
        rows.append(Mount(path, row[2], tuple(row[3].split(","))))
    # The control is not /, which a profile may promise: the control cannot itself be a fact that a check finds missing.
    if CONTROL not in {mount.path for mount in rows}:
        raise ParseError(f"{CONTROL} is not among the {len(rows)} mounts, so the list is not whole")
    return Mounts(tuple(rows))


MOUNTS = Family("mounts", host_probe, parse_mounts)
