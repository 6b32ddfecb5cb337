"""Whether the files of packages are still what was installed: the output that dpkg -V would give for an image."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from xenproof.errors import NotEvaluable
from xenproof.image.dpkg import dpkg_stanzas
from xenproof.image.limited import limited
from xenproof.image.node import Node
from xenproof.image.tree import MOST_LINES, Tree

_INFO = "/var/lib/dpkg/info"
_DIVERSIONS = "/var/lib/dpkg/diversions"
_PIECE = 1 << 20
_FILE, _CONFIGURATION = " ", "c"
# 0123456789abcdef0123456789abcdef  usr/sbin/xl
_SUM = re.compile(r"([0-9a-f]{32})  (.+)")
#  /etc/xen/xl.conf 0123456789abcdef0123456789abcdef obsolete
_CONFFILE = re.compile(r" (/.+?) ([0-9a-f]{32})((?: obsolete| remove-on-upgrade)*)")


@dataclass(frozen=True)
class DpkgIntegrity:
    """The packages that a profile names, compared with the checksums that dpkg stores."""

    tree: Tree
    names: tuple[str, ...]

    def verified(self) -> str:
        """The output of the probe's section `integrity`."""
        lines = ["deb", *(f"{'sums' if self._info(name, 'md5sums') else 'none'} {name}" for name in self.names)]
        differences = list(limited(self._all_differences(), "the differences of packages' files"))
        absent = any(name not in self._installed for name in self.names)
        return "".join(f"{line}\n" for line in [*lines, f"verified {int(absent)}", *differences])

    def owners(self) -> str:
        """The output of the probe's section `owners`: the files of each package."""
        lines = (line for name in self.names for line in (name, *(f" {path}" for path in self._info(name, "list"))))
        return "".join(f"{line}\n" for line in limited(lines, "the names of packages' files"))

    def _all_differences(self) -> Iterator[str]:
        for name in self.names:
            if fields := self._installed.get(name):
                yield from self._differences(name, fields)
            else:
                yield f"dpkg: package '{name}' is not installed"

    @cached_property
    def _installed(self) -> dict[str, Mapping[str, str]]:
        rows = (fields for fields in dpkg_stanzas(self.tree).values() if fields["Package"] in self.names)
        return {fields["Package"]: fields for fields in rows if fields["Status"].endswith(" installed")}

    @cached_property
    def _diversions(self) -> dict[str, tuple[str, str]]:
        """For each diverted file, its new path and the package that diverted it."""
        lines = self.tree.lines(_DIVERSIONS) or ()
        return {lines[at]: (lines[at + 1], lines[at + 2]) for at in range(0, len(lines) - 2, 3)}

    def _info(self, name: str, kind: str) -> list[str]:
        """The lines of dpkg's file about a package; the file's name may contain the architecture."""
        paths = [f"{_INFO}/{name}.{kind}", *self.tree.matching(f"{_INFO}/{name}:*.{kind}")]
        found: list[str] = []
        for path in paths:
            found += self.tree.lines(path) or ()
            if len(found) > MOST_LINES:
                raise NotEvaluable(f"{_INFO} has more than {MOST_LINES} lines of {name}, more than are read")
        return found

    def _differences(self, name: str, fields: Mapping[str, str]) -> Iterator[str]:
        sums = (row for line in self._info(name, "md5sums") if (row := _SUM.fullmatch(line)))
        files = [(f"/{row[2]}", row[1], _FILE) for row in sums]
        configured = (row for line in fields.get("Conffiles", "").split("\n") if (row := _CONFFILE.fullmatch(line)))
        files += [(row[1], row[2], _CONFIGURATION) for row in configured if not row[3]]
        for path, digest, kind in files:
            away, by = self._diversions.get(path, (path, name))
            if (node := self.tree.file(path if by == name else away)) is None:
                yield f"missing   {kind} {path}"
            elif _md5(node) != digest:
                yield f"??5?????? {kind} {path}"


def _md5(node: Node) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for start in range(0, node.size, _PIECE):
        digest.update(node.read(start, min(_PIECE, node.size - start)))
    return digest.hexdigest()
