"""Looks up the paths that a probe asks for in an image: the sections NAME-list."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable
from xenproof.image.node import Node
from xenproof.image.tree import Found, Tree
from xenproof.probing.probes import RELEASE


@dataclass(slots=True)
class PathLookup:
    """What became of each path: there, missing, or unknown for a reason; paths are as the host would print them."""

    there: dict[str, Found] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def listing(self) -> str:
        """The text of the section."""
        return "".join(f"{line}\n" for line in self.lines)

    def without_there(self) -> "PathLookup":
        """The same, but for the paths that are there."""
        return PathLookup(lines=[line for line in self.lines if not line.startswith("there ")])

    def with_unknown(self, paths: Container[str], reason: str) -> "PathLookup":
        """The same, but those of the paths that are missing are unknown; `reason` has {} for the path."""
        changed = PathLookup(self.there)
        for line in self.lines:
            word, _, path = line.partition(" ")
            if word == "missing" and path in paths:
                changed.add_unknown(path, reason.format(path))
            else:
                changed.lines.append(line)
        return changed

    def add_there(self, path: str, found: Found) -> None:
        """Note a path that is there."""
        self.there[path] = found
        self.lines.append(f"there {path}")

    def add_unknown(self, path: str, reason: str) -> None:
        """Note a path of which nobody can know."""
        self.lines.append(f"unknown {path}\t{' '.join(reason.split())}")


def look_up(
    tree: Tree,
    paths: Iterable[str],
    release: Callable[[], str],
    wanted: Callable[[Node], bool] = lambda _: True,
    *,
    follow: bool = True,
) -> PathLookup:
    """Look for each path, with `release()` in place of {release}; only what is `wanted` counts as there."""
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
