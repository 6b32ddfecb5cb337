"""The name of the system in an image."""

import re

from xenproof.errors import XenproofError
from xenproof.image.tree import Tree

_LONGEST = 200
_FILES = ("/etc/os-release", "/usr/lib/os-release")
# PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
_NAME = re.compile(r"PRETTY_NAME=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']*))\s*")


def system_name(tree: Tree) -> str:
    """PRETTY_NAME of its os-release, empty if it has none or it cannot be read: no check depends on it."""
    for path in _FILES:
        for line in _lines(tree, path):
            if found := _NAME.fullmatch(line):
                return next(filter(None, found.groups()), "")[:_LONGEST]
    return ""


def _lines(tree: Tree, path: str) -> tuple[str, ...]:
    try:
        return tree.lines(path) or ()
    except XenproofError:
        return ()
