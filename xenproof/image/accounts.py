"""The names of users and groups, from the image's own files."""

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
    """Users and groups by their numbers; `owners` is whether the files still have their original owners."""

    users: dict[int, str]
    groups: dict[int, str]
    owners: bool

    def owner(self, node: Node) -> str:
        """The owner as 'stat' prints it, such as "root:adm"; UNKNOWN_OWNER if it cannot be determined."""
        user, group = self.users.get(node.uid), self.groups.get(node.gid)
        if not self.owners or user is None or group is None:
            return UNKNOWN_OWNER
        return f"{user}:{group}"


def read_accounts(tree: Tree) -> Accounts:
    """The accounts of an image.

    If root does not own the root directory, a user unpacked the image who could not give files to other
    owners, so all original owners are lost.
    """
    return Accounts(_names(tree, "/etc/passwd"), _names(tree, "/etc/group"), owners=tree.root.uid == 0)


def _names(tree: Tree, path: str) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        lines = tree.lines(path) or ()
    except NotEvaluable:
        lines = ()  # only the owners are unknown then
    for line in lines:
        if row := _ROW.fullmatch(line):
            found.setdefault(int(row[2]), row[1])
    return found
