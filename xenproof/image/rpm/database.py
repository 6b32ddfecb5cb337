"""The packages in rpm's database, in any of its formats.

It is read here and not with the program `rpm`: Debian's rpm cannot read ndb, and so no program has to be
installed, or trusted with hostile bytes.
"""

from collections.abc import Iterator

from xenproof.errors import NotEvaluable, ParseError
from xenproof.image.limited import limited
from xenproof.image.node import Node
from xenproof.image.rpm.berkeley import berkeley_headers
from xenproof.image.rpm.header import RELEASE, VERSION, RpmPackage, read_header
from xenproof.image.rpm.ndb import ndb_headers
from xenproof.image.rpm.sqlite import sqlite_headers
from xenproof.image.tree import Tree

# The folders of the database; one may be a link to the other.
_FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
_SQLITE, _NDB, _BERKELEY = "rpmdb.sqlite", "Packages.db", "Packages"
_MOST_BYTES = 128 << 20
_MOST_PACKAGES = 100_000
_PIECE = 8 << 20


def has_rpm_database(tree: Tree) -> bool:
    """Whether the image has an rpm database."""
    return _database(tree) is not None


def rpm_packages(tree: Tree) -> str | None:
    """The packages as 'rpm -qa' of the probe prints them, newest last, None if the image has no such database.

    Raises ParseError if it is damaged, NotEvaluable if it is too large.
    """
    if not has_rpm_database(tree):
        return None
    numbers: list[int] = []

    def rows() -> Iterator[str]:
        for one in read_packages(tree):
            numbers.append(one.number)
            yield f"ii \t{one.name}\t{one.text(VERSION)}-{one.text(RELEASE)}\n"

    found = list(limited(rows(), "the packages in rpm's database"))
    return "rpm\n" + "".join(row for _, row in sorted(zip(numbers, found, strict=True), key=lambda row: row[0]))


def read_packages(tree: Tree) -> Iterator[RpmPackage]:
    """The packages in the order of the file, none if the image has no such database; raises as `rpm_packages` does.

    Each package keeps its whole header in memory.
    """
    if (found := _database(tree)) is not None:
        yield from _packages(tree, *found)


def _database(tree: Tree) -> tuple[str, str, Node] | None:
    for folder in _FOLDERS:
        for name in (_SQLITE, _NDB, _BERKELEY):
            if node := tree.file(f"{folder}/{name}"):
                return folder, name, node
    return None


def _packages(tree: Tree, folder: str, name: str, node: Node) -> Iterator[RpmPackage]:
    if name == _SQLITE:
        log = tree.file(f"{folder}/{_SQLITE}-wal")
        headers = sqlite_headers(_pieces(node), _pieces(log) if log else ())
    else:
        headers = ndb_headers(_whole(node)) if name == _NDB else berkeley_headers(_whole(node))
    found = size = 0
    for number, blob in headers:
        tree.budget.check()
        # In a damaged database many packages may refer to the same bytes.
        found, size = found + 1, size + len(blob)
        if found > _MOST_PACKAGES or size > 2 * _MOST_BYTES:
            raise NotEvaluable(
                f"rpm's database has more than the {_MOST_PACKAGES} packages that are read, or larger ones"
            )
        yield read_header(number, blob)
    if not found:
        raise ParseError(f"rpm's database {folder}/{name} has no package")


def _whole(node: Node) -> bytearray:
    # Joining pieces would need twice the memory.
    data = bytearray()
    for piece in _pieces(node):
        data += piece
    return data


def _pieces(node: Node) -> Iterator[bytes]:
    if node.size > _MOST_BYTES:
        raise NotEvaluable(f"rpm's database has {node.size} bytes, more than the {_MOST_BYTES} that are read")
    return (node.read(start, min(_PIECE, node.size - start)) for start in range(0, node.size, _PIECE))
