"""What the replica is made of: source packages, their binary packages and their files, from the YAML beside.

The tables are written from what is known of SLES 12, with its sources; nothing here looks at a profile.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

HERE = Path(__file__).parent
# The texts of packaged files that are more than a name, by the path that they have in the replica.
ROOT_TEXTS = HERE / "root"
_MODES = {"executables": "0755", "files": "0644", "configuration": "0644", "ghosts": "0644"}
_KEYS = {*_MODES, "directories", "links", "requires", "conflicts", "outputs"}


class DescriptionError(ValueError):
    """A table of the replica is wrong."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A path of a package: a "file", a "directory", a "link"; `configuration` and `ghost` as rpm has them."""

    path: str
    kind: str
    mode: str = "0644"
    target: str = ""
    configuration: bool = False
    ghost: bool = False


@dataclass(frozen=True, slots=True)
class Package:
    """A binary package; `outputs` is the folder in which it has what stand-ins print, if it has any."""

    name: str
    requires: tuple[str, ...]
    conflicts: tuple[str, ...]
    entries: tuple[Entry, ...]
    outputs: str


@dataclass(frozen=True, slots=True)
class Source:
    """A source package: all of its binary packages have its version and release."""

    name: str
    version: str
    release: str
    packages: tuple[Package, ...]


def sources() -> tuple[Source, ...]:
    """All source packages.

    Raises DescriptionError if a key is unknown, two packages have the same path, or no package has a text.
    """
    found = tuple(_source(table) for path in sorted((HERE / "packages").glob("*.yaml")) for table in _tables(path))
    owners: dict[str, str] = {}
    for package in (package for source in found for package in source.packages):
        for entry in package.entries:
            if entry.path in owners:
                raise DescriptionError(f"{entry.path} is in {owners[entry.path]} and in {package.name}")
            owners[entry.path] = package.name
    if unused := texts_below(ROOT_TEXTS).keys() - owners.keys():
        raise DescriptionError(f"no package has {', '.join(sorted(unused))}")
    return found


def texts_below(folder: Path) -> dict[str, Path]:
    """The files below a folder of texts, by the path that they have in the replica."""
    return {f"/{path.relative_to(folder)}": path for path in sorted(folder.rglob("*")) if path.is_file()}


def _tables(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (table for table in YAML(typ="safe").load_all(file) if table is not None)


def _source(table: Mapping[str, Any]) -> Source:
    if table.keys() != {"source", "version", "release", "packages"}:
        raise DescriptionError(f"expected source, version, release and packages, found {', '.join(table)}")
    packages = tuple(_package(name, rows) for name, rows in table["packages"].items())
    return Source(str(table["source"]), str(table["version"]), str(table["release"]), packages)


def _package(name: str, rows: Mapping[str, Any]) -> Package:
    if unknown := rows.keys() - _KEYS:
        raise DescriptionError(f"{name}: unknown {', '.join(sorted(unknown))}, expected {', '.join(sorted(_KEYS))}")
    entries = [Entry(path, "directory", mode) for path, mode in rows.get("directories", {}).items()]
    entries += [Entry(path, "link", target=target) for path, target in rows.get("links", {}).items()]
    for kind, mode in _MODES.items():
        config, ghost = kind == "configuration", kind == "ghosts"
        entries += [Entry(path, "file", mode, configuration=config, ghost=ghost) for path in rows.get(kind, ())]
    paths = [entry.path for entry in entries]
    if bad := [path for path in paths if not path.startswith("/") or path != str(Path(path))]:
        raise DescriptionError(f"{name}: expected whole paths, found {', '.join(bad)}")
    requires, conflicts = tuple(rows.get("requires", ())), tuple(rows.get("conflicts", ()))
    return Package(name, requires, conflicts, tuple(entries), rows.get("outputs", ""))
