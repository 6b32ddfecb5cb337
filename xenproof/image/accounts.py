"""The names of users and groups by the image's own files."""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable
from xenproof.facts.files import UNKNOWN_OWNER
from xenproof.image.node import Node
from xenproof.image.tree import Tree

# root:x:0:0:root:/root:/bin/bash   adm:x:4:syslog
_ROW = re.compile(r"([^:\s]+):[^:]*:(\d{1,10})(?::.*)?")


@dataclass(frozen=True, slots=True)
class Accounts:
    """Users and groups by their numbers; `owners` says whether files still have those that they had."""

    users: dict[int, str]
    groups: dict[int, str]
    owners: bool

    def owner(self, node: Node) -> str:
        """The owner as 'stat' prints it, such as "root:adm"; what facts take for unknown where nobody can tell."""
        user, group = self.users.get(node.uid), self.groups.get(node.gid)
        if not self.owners or user is None or group is None:
            return UNKNOWN_OWNER
        return f"{user}:{group}"


def read_accounts(tree: Tree) -> Accounts:
    """The accounts of an image.

    Where its root directory is not root's it was unpacked by somebody who could give files to nobody
    else, so that every owner is lost.
    """
    return Accounts(_names(tree, "/etc/passwd"), _names(tree, "/etc/group"), owners=tree.root.uid == 0)


def _names(tree: Tree, path: str) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        lines = tree.lines(path) or ()
    except NotEvaluable:
        lines = ()  # no owner is known then, and everything else still is
    for line in lines:
        if row := _ROW.fullmatch(line):
            found.setdefault(int(row[2]), row[1])
    return found
