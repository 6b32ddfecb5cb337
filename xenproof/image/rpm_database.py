"""The packages in rpm's database, in whatever format it is.

It is read here and not by the program `rpm`: Debian's knows no ndb, and no program has to be
installed, or be trusted with hostile bytes.
"""

from collections.abc import Iterator

from xenproof.errors import NotEvaluable, ParseError
from xenproof.image.node import Node
from xenproof.image.rpm_berkeley import berkeley_headers
from xenproof.image.rpm_header import RELEASE, VERSION, RpmPackage, read_header
from xenproof.image.rpm_ndb import ndb_headers
from xenproof.image.rpm_sqlite import sqlite_headers
from xenproof.image.tree import Tree

# Where rpm keeps it; one may be a link to the other.
_FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
_SQLITE, _NDB, _BERKELEY = "rpmdb.sqlite", "Packages.db", "Packages"
_MOST_BYTES = 1 << 30
_PIECE = 8 << 20


def has_rpm_database(tree: Tree) -> bool:
    """Whether the image has a database of rpm."""
    return _database(tree) is not None


def rpm_packages(tree: Tree) -> str | None:
    """The packages as 'rpm -qa' of the probe prints them, newest last, None if the image has no such database.

    Raises ParseError if it is damaged, NotEvaluable if it is larger than what is read.
    """
    if not has_rpm_database(tree):
        return None
    rows = (f"ii \t{one.name}\t{one.text(VERSION)}-{one.text(RELEASE)}\n" for one in read_packages(tree))
    return "rpm\n" + "".join(rows)


def read_packages(tree: Tree) -> list[RpmPackage]:
    """The packages, newest last, none if the image has no such database; raises as `rpm_packages` does."""
    if (found := _database(tree)) is None:
        return []
    return sorted(_packages(tree, *found), key=lambda package: package.number)


def _database(tree: Tree) -> tuple[str, str, Node] | None:
    for folder in _FOLDERS:
        for name in (_SQLITE, _NDB, _BERKELEY):
            if node := tree.file(f"{folder}/{name}"):
                return folder, name, node
    return None


def _packages(tree: Tree, folder: str, name: str, node: Node) -> Iterator[RpmPackage]:
    data = _whole(node)
    if name == _SQLITE:
        log = tree.file(f"{folder}/{_SQLITE}-wal")
        headers = sqlite_headers(data, _whole(log) if log else b"")
    else:
        headers = ndb_headers(data) if name == _NDB else berkeley_headers(data)
    found = 0
    for number, blob in headers:
        yield read_header(number, blob)
        found += 1
    if not found:
        raise ParseError(f"rpm's database {folder}/{name} has no package")


def _whole(node: Node) -> bytes:
    if node.size > _MOST_BYTES:
        raise NotEvaluable(f"rpm's database has {node.size} bytes, more than the {_MOST_BYTES} that are read")
    pieces = (node.read(start, min(_PIECE, node.size - start)) for start in range(0, node.size, _PIECE))
    return b"".join(pieces)
