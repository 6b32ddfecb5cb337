"""Installed packages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer, Version
from xenproof.probing.family import Family
from xenproof.probing.probes import packages_probe
from xenproof.probing.sections import section
from xenproof.profile.version import Scheme
from xenproof.source.probe import ProbeOutput

# Every host has one of these: without it the list is incomplete.
_CONTROLS: Mapping[Scheme, str] = {"deb": "dpkg", "rpm": "rpm"}
# Warnings may accompany a complete list; an error of either program means that packages are missing from it.
_WARNINGS = ("warning: ", "dpkg-query: warning: ")


@dataclass(frozen=True, slots=True)
class Packages:
    """Every installed package with its versions, in database order, oldest first."""

    scheme: Scheme
    versions: Mapping[str, tuple[str, ...]]

    def installed(self, name: str) -> Answer:
        """Whether the package is installed, and in which versions."""
        if found := self.versions.get(name):
            return Answer(True, f"version {', '.join(found)}")
        return Answer(False, f"not among the {len(self.versions)} installed packages")

    def version(self, name: str) -> Version:
        """The version of the package that was listed last; raises NotEvaluable if it is not installed."""
        if not (found := self.versions.get(name)):
            raise NotEvaluable(f"the package {name!r} is not installed, so it has no version")
        return Version(found[-1], self.scheme)


def parse_packages(output: ProbeOutput) -> Packages:
    """The packages of a host.

    Raises ParseError if a line is neither a package nor a warning, or the package manager itself is not listed.
    """
    first, *rows = section(output, "packages").ended_with(0).lines or [""]
    if first not in get_args(Scheme):
        raise ParseError(f"expected 'deb' or 'rpm' before the packages, found {first[:80]!r}")
    scheme = cast(Scheme, first)
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        if row.startswith(_WARNINGS):
            continue
        # ii \txen-utils-4.17\t4.17.7+13-g2445b30a44-0+deb12u1
        status, _, rest = row.partition("\t")
        name, _, version = rest.partition("\t")
        if len(status) not in (2, 3) or not name or (status.startswith("ii") and not version):
            raise ParseError(f"expected status, name and version of a package, found {row[:200]!r}")
        if status.rstrip() == "ii":
            found[name] = (*found.get(name, ()), version)
    if _CONTROLS[scheme] not in found:
        raise ParseError(f"{_CONTROLS[scheme]!r} is not among the {len(found)} packages, so the list is not whole")
    return Packages(scheme, found)


PACKAGES = Family("packages", packages_probe, parse_packages)
