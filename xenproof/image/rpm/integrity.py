"""Whether the files of packages are still what was installed: the output that rpm -V would give for an image.

With the probe's options: without modification times, dependencies and scripts.
"""

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.files import UNKNOWN_OWNER
from xenproof.image.accounts import Accounts
from xenproof.image.limited import limited
from xenproof.image.node import Node, is_directory, is_file, is_link
from xenproof.image.rpm.database import read_packages
from xenproof.image.rpm.header import RpmPackage
from xenproof.image.tree import Tree

_BASENAMES, _DIRNAMES, _DIRINDEXES = 1117, 1118, 1116
_SIZES, _MODES, _DIGESTS, _LINKS, _FLAGS, _USERS, _GROUPS, _VERIFY = 1028, 1030, 1035, 1036, 1037, 1039, 1040, 1045
_STATES, _ALGORITHM = 1029, 5011
_ALGORITHMS = {1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}
_MD5 = 1
# The attributes of a file that are verified.
_DIGEST, _SIZE, _LINK, _USER, _GROUP, _MODE = 1, 2, 4, 8, 16, 64
_CONFIG, _DOC, _MISSING_OK, _GHOST, _LICENSE, _README = 1, 2, 8, 64, 128, 256
_KINDS = {_CONFIG: "c", _DOC: "d", _GHOST: "g", _LICENSE: "l", _README: "r"}
_PIECE = 1 << 20
_MOST_KEPT_BYTES, _INDEX_BYTES = 64 << 20, 250
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    mode: int
    size: int
    digest: str
    algorithm: str
    link: str
    owner: str
    flags: int
    verify: int
    normal: bool

    @property
    def kind(self) -> str:
        return next((letter for flag, letter in _KINDS.items() if self.flags & flag), " ")


@dataclass(frozen=True)
class RpmIntegrity:
    """The packages that a profile names, compared with the attributes of their files in rpm's database."""

    tree: Tree
    names: tuple[str, ...]
    accounts: Accounts

    def verified(self) -> str:
        """The output of the probe's section `integrity`; raises NotEvaluable if owners were lost."""
        if not self.accounts.owners:
            raise NotEvaluable("the owners of files were lost where this was unpacked: unpack it as root")
        lines = ["rpm", *(f"sums {name}" for name in self.names)]
        differences = list(limited(self._differences(), "the differences of packages' files"))
        return "".join(f"{line}\n" for line in [*lines, f"verified {min(len(differences), 125)}", *differences])

    def owners(self) -> str:
        """The output of the probe's section `owners`: the files of each package."""
        lines = (
            line
            for name, packages in self._packages.items()
            for package in packages
            for line in (name, *(f" {file.path}" for file in _files(package)))
        )
        return "".join(f"{line}\n" for line in limited(lines, "the names of packages' files"))

    def _differences(self) -> Iterator[str]:
        for name in self.names:
            if not (packages := self._packages.get(name)):
                yield f"package {name} is not installed"
            for package in packages or ():
                yield from filter(None, (self._difference(file) for file in _files(package)))

    @cached_property
    def _packages(self) -> dict[str, list[RpmPackage]]:
        found: dict[str, list[RpmPackage]] = {}
        for package in read_packages(self.tree):
            if package.name in self.names:
                found.setdefault(package.name, []).append(package)
                self.tree.budget.take(
                    "bytes in headers of rpm packages",
                    len(package.data) + _INDEX_BYTES * len(package.index),
                    _MOST_KEPT_BYTES,
                )
        return {name: sorted(packages, key=lambda package: package.number) for name, packages in found.items()}

    def _difference(self, file: _File) -> str:
        if not file.normal:
            return ""  # rpm did not install it, or another package's file replaced it
        if (found := self.tree.find(file.path, follow=False)) is None:
            allowed = file.flags & (_MISSING_OK | _GHOST)
            return "" if allowed else f"missing   {file.kind} {file.path}"
        marks = self._marks(file, found.node)
        return f"{marks}  {file.kind} {file.path}" if marks.strip(".") else ""

    def _marks(self, file: _File, node: Node) -> str:
        verify = file.verify
        if file.flags & _GHOST or is_directory(node):
            verify &= ~(_DIGEST | _SIZE | _LINK)
        elif is_link(node):
            verify &= ~(_DIGEST | _SIZE | _MODE)
        elif is_file(node):
            verify &= ~_LINK
        else:
            verify &= ~(_DIGEST | _SIZE | _LINK)
        owner = self.accounts.owner(node)
        user, _, group = owner.partition(":")
        wanted_user, _, wanted_group = file.owner.partition(":")
        wrong = {
            "S": verify & _SIZE and node.size != file.size,
            "M": verify & _MODE and node.mode != file.mode,
            "5": verify & _DIGEST and file.digest and _digest(node, file.algorithm) != file.digest,
            "D": False,
            "L": verify & _LINK and (not is_link(node) or node.target() != file.link),
            "U": verify & _USER and (owner == UNKNOWN_OWNER or user != wanted_user),
            "G": verify & _GROUP and (owner == UNKNOWN_OWNER or group != wanted_group),
            "T": False,
            "P": False,
        }
        return "".join(mark if is_wrong else "." for mark, is_wrong in wrong.items())


def _files(package: RpmPackage) -> Iterator[_File]:
    names, folders, indexes = package.texts(_BASENAMES), package.texts(_DIRNAMES), package.numbers(_DIRINDEXES)
    algorithm = (package.numbers(_ALGORITHM) or [_MD5])[0]
    if algorithm not in _ALGORITHMS:
        raise ParseError(f"the files of {package.name!r} have digests of an unknown kind, {algorithm}")
    columns = (
        indexes,
        package.numbers(_MODES),
        package.numbers(_SIZES),
        package.texts(_DIGESTS),
        package.texts(_LINKS),
        package.texts(_USERS),
        package.texts(_GROUPS),
        package.numbers(_FLAGS),
        package.numbers(_VERIFY),
        package.numbers(_STATES) or [0] * len(names),
    )
    if any(len(column) != len(names) for column in columns) or any(at >= len(folders) for at in indexes):
        raise ParseError(f"rpm's database does not describe each of the {len(names)} files of {package.name!r}")
    for name, at, mode, size, digest, link, user, group, flags, verify, state in zip(names, *columns, strict=True):
        if len(folders[at]) + len(name) > _LONGEST_PATH:
            raise ParseError(f"a file of {package.name!r} has a path of {len(folders[at]) + len(name)} letters")
        # A mode without a type, as in old packages, means a regular file.
        whole = mode if stat.S_IFMT(mode) else mode | stat.S_IFREG
        yield _File(
            f"{folders[at]}{name}",
            whole,
            size,
            digest,
            _ALGORITHMS[algorithm],
            link,
            f"{user}:{group}",
            flags,
            verify,
            normal=state == 0,
        )


def _digest(node: Node, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for start in range(0, node.size, _PIECE):
        digest.update(node.read(start, min(_PIECE, node.size - start)))
    return digest.hexdigest()
