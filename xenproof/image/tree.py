"""The tree of files that an image's system would see: mounted file systems, and links resolved inside of it."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice

from xenproof.errors import NotEvaluable
from xenproof.image.budget import Budget
from xenproof.image.node import Node, is_directory, is_file, is_link

# The kernel's limit: a path with more links counts as a loop.
MOST_LINKS = 40
# The limit of directories and links on the way to one file; each link may contain two thousand.
MOST_STEPS = 1000
MOST_TEXT_BYTES = 16 << 20
# Each line needs about 60 bytes of memory in addition to its characters.
MOST_LINES = 300_000
# The limit for texts whose lines are split into words; systemd has the same limit for a line.
MOST_WORDY_BYTES = 1 << 20
# The limit of paths that match one pattern.
MOST_MATCHES = 20_000


@dataclass(frozen=True, slots=True)
class Found:
    """A file, and its path with all links resolved."""

    path: str
    node: Node


@dataclass(frozen=True)
class Tree:
    """The files of an image from its root on.

    `mounts` has what is at or below some paths: another file system, or the reason why it is unknown
    what a running system would have there.
    """

    root: Node
    mounts: Mapping[str, Node | str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget, compare=False)

    def find(self, path: str, *, follow: bool = True) -> Found | None:
        """The file at an absolute path, None if there is none; `follow` is whether a link at its end is followed.

        Links resolve as in the system itself: never out of the image.  Raises
        NotEvaluable if the image cannot determine it.
        """
        rest = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        way: list[Found] = []
        links = steps = 0
        while rest:
            self.budget.check()
            if (steps := steps + 1) > MOST_STEPS:
                raise NotEvaluable(f"{path[:200]} leads over more than {MOST_STEPS} directories and links")
            part = rest.pop()
            if part == "..":
                way = way[:-1]
                continue
            node = self._step(way, part)
            if node is None:
                return None
            if not is_link(node) or (not rest and not follow):
                way.append(Found(_below(way, part), node))
                continue
            if (links := links + 1) > MOST_LINKS:
                return None
            target = node.target()
            if target.startswith("/"):
                way = []
            rest += [part for part in reversed(target.split("/")) if part not in ("", ".")]
        return way[-1] if way else Found("/", self.root)

    def _step(self, way: list[Found], name: str) -> Node | None:
        above = way[-1].node if way else self.root
        if not is_directory(above):
            return None
        mounted = self.mounts.get(_below(way, name))
        if isinstance(mounted, str):
            raise NotEvaluable(mounted)
        return mounted or above.child(name)

    def file(self, path: str) -> Node | None:
        """The regular file at a path, links followed; None if there is none."""
        found = self.find(path)
        return found.node if found is not None and is_file(found.node) else None

    def directory(self, path: str) -> Node | None:
        """The directory at a path, links followed; None if there is none."""
        found = self.find(path)
        return found.node if found is not None and is_directory(found.node) else None

    def text(self, path: str, most_bytes: int = MOST_TEXT_BYTES) -> str | None:
        """The text of the regular file at a path, None if there is none; bytes that are not UTF-8 become U+FFFD.

        Raises NotEvaluable if it has more than `most_bytes`.
        """
        if (node := self.file(path)) is None:
            return None
        if node.size > most_bytes:
            raise NotEvaluable(f"{path} has {node.size} bytes, more than the {most_bytes} that are read of such a text")
        return node.read(0, most_bytes).decode("utf-8", "replace")

    def lines(self, path: str, most_bytes: int = MOST_TEXT_BYTES) -> tuple[str, ...] | None:
        """The lines of the regular file at a path, without line ends; None if there is none.

        Raises NotEvaluable if there are more than MOST_LINES, or more than `most_bytes`.
        """
        if (text := self.text(path, most_bytes)) is None:
            return None
        if (count := text.count("\n")) > MOST_LINES:
            raise NotEvaluable(f"{path} has {count} lines, more than the {MOST_LINES} that are read of a text")
        return tuple(text.removesuffix("\n").split("\n")) if text else ()

    def names(self, path: str) -> list[str]:
        """The names in the directory at a path, sorted; empty if there is none."""
        node = self.directory(path)
        return sorted(node.names()) if node is not None else []

    def matching(self, pattern: str) -> list[str]:
        """The paths to which a shell would expand a pattern, sorted; each part is matched separately."""
        found = list(islice(self._matching("/", [part for part in pattern.split("/") if part]), MOST_MATCHES + 1))
        if len(found) > MOST_MATCHES:
            raise NotEvaluable(f"there are more than {MOST_MATCHES} files {pattern}")
        return found

    def _matching(self, folder: str, parts: list[str]) -> Iterator[str]:
        first, *rest = parts
        names = self.names(folder) if any(letter in first for letter in "*?[") else [first]
        for name in names:
            if name != first and (name.startswith(".") or not fnmatchcase(name, first)):
                continue
            path = posixpath.join(folder, name)
            if rest:
                yield from self._matching(path, rest)
            elif self.find(path, follow=False) is not None:
                yield path


def _below(way: list[Found], name: str) -> str:
    return f"{way[-1].path if way else ''}/{name}"
