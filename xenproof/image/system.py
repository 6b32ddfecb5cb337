"""Which system an image holds, in its own words."""

import re

from xenproof.image.tree import Tree

_FILES = ("/etc/os-release", "/usr/lib/os-release")
# PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
_NAME = re.compile(r"PRETTY_NAME=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']*))\s*")


def system_name(tree: Tree) -> str:
    """PRETTY_NAME of its os-release, empty if it has none."""
    for path in _FILES:
        for line in tree.lines(path) or ():
            if found := _NAME.fullmatch(line):
                return next(filter(None, found.groups()), "")
    return ""
