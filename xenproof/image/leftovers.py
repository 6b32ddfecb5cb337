"""Remains of xend in an image, as the probe `leftovers` prints them."""

from collections.abc import Iterator

from xenproof.facts.leftovers import MANAGED
from xenproof.image.limited import limited
from xenproof.image.tree import Tree

_FOLDERS = ("/etc/xen", "/etc/xen/vm", "/etc/xen/auto")
_XEND_CONFIG = "/xend-config.sxp"  # it has its own facts
_LARGEST = 255 << 10
_ENOUGH = 8
_BEGINNINGS = ("(vm", "(domain", "( vm", "( domain")
_END = "end 0"


def guest_configs(tree: Tree) -> str:
    """The files below /etc/xen that begin with a guest's S-expression."""
    found = (f"sxp {path}" for folder in _FOLDERS for path in _files(tree, folder) if _is_sxp(tree, path))
    return _text(["reader root", *limited(found, "the names below /etc/xen"), _END])


def managed_domains(tree: Tree) -> str:
    """The configurations of xend's managed domains."""
    there: list[str] = []

    def rows() -> Iterator[str]:
        for path in tree.matching(f"{MANAGED}/*/config.sxp"):
            if (lines := tree.lines(path)) is not None:
                there.append(f"domain {path}")
                yield from (f"{path}:{line}" for line in lines)

    found = list(limited(rows(), "the configurations of managed domains"))
    return _text([*there, *found, _END])


def _files(tree: Tree, folder: str) -> list[str]:
    paths = (f"{folder}/{name}" for name in tree.names(folder))
    return [
        path
        for path in paths
        if not path.endswith(_XEND_CONFIG) and (node := tree.file(path)) and node.size <= _LARGEST
    ]


def _is_sxp(tree: Tree, path: str) -> bool:
    beginning = ""
    for line in tree.lines(path) or ():
        word = line.strip(" \t")
        if not word.startswith("#"):
            beginning += word
        if len(beginning) >= _ENOUGH:
            break
    return beginning.startswith(_BEGINNINGS)


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
