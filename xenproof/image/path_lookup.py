"""Looks up the paths of a probe in an image: the sections NAME-list."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable
from xenproof.image.node import Node
from xenproof.image.tree import Found, Tree
from xenproof.probing.probes import RELEASE


@dataclass(slots=True)
class PathLookup:
    """The state of each path: there, missing, or unknown for a reason; paths are written as the host would."""

    there: dict[str, Found] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def listing(self) -> str:
        """The text of the section."""
        return "".join(f"{line}\n" for line in self.lines)

    def without_there(self) -> "PathLookup":
        """A copy without the paths that are there."""
        return PathLookup(lines=[line for line in self.lines if not line.startswith("there ")])

    def with_unknown(self, paths: Container[str], reason: str) -> "PathLookup":
        """A copy in which missing paths that are in `paths` are unknown; `reason` has {} for the path."""
        changed = PathLookup(self.there)
        for line in self.lines:
            word, _, path = line.partition(" ")
            if word == "missing" and path in paths:
                changed.add_unknown(path, reason.format(path))
            else:
                changed.lines.append(line)
        return changed

    def add_there(self, path: str, found: Found) -> None:
        """Record a path that is there."""
        self.there[path] = found
        self.lines.append(f"there {path}")

    def add_unknown(self, path: str, reason: str) -> None:
        """Record a path whose state is unknown."""
        self.lines.append(f"unknown {path}\t{' '.join(reason.split())}")


def look_up(
    tree: Tree,
    paths: Iterable[str],
    release: Callable[[], str],
    wanted: Callable[[Node], bool] = lambda _: True,
    *,
    follow: bool = True,
) -> PathLookup:
    """Look up each path, with `release()` in place of {release}; a path only counts as there if it is `wanted`."""
    lookup = PathLookup()
    for path in dict.fromkeys(paths):
        try:
            real = path.replace(RELEASE, release()) if RELEASE in path else path
            found = tree.find(real, follow=follow)
        except NotEvaluable as error:
            lookup.add_unknown(path, str(error))
            continue
        if found is not None and wanted(found.node):
            lookup.add_there(real, found)
        else:
            lookup.lines.append(f"missing {real}")
    return lookup
