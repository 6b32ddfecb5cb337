"""The recipe of a lab host: data, whose hash decides when an image is built again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ruamel.yaml import YAML

from xenproof.errors import UsageError

# Increase it when a change of the builder's code changes the image that it builds from the same recipe.
BUILDER = 4
_RELEASE_ONLY = "release"
LEAST_MIB = 1536
"""The least memory of a lab host: for Xen, dom0 and a guest."""


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A file of the image: its text and its mode; with `appended`, the text is added to the file of a package."""

    content: str
    mode: int
    appended: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """A lab host: suites and packages of Debian, files, masked units, and the size of its machine.

    `disk_gib` is its own disk; `shared_gib` the second one, which a host of a pair shares with the other.
    `suites` begins with the release's own, as in "bookworm", "bookworm-updates", "bookworm-security".
    """

    release: str
    title: str
    suites: tuple[str, ...]
    memory_mib: int
    cpus: int
    disk_gib: int
    shared_gib: int
    packages: tuple[str, ...]
    early_files: Mapping[str, RecipeFile]
    files: Mapping[str, RecipeFile]
    masked: tuple[str, ...]
    digest: str
    variant: str = ""

    def with_memory(self, mib: int) -> "Recipe":
        """The same host with another size of memory; the share of dom0 stays the same.

        The image stays the same, but the booted snapshot does not: `variant` is a part of its name.  Raises UsageError
        for less than LEAST_MIB.
        """
        check_memory(mib)
        return replace(self, memory_mib=mib, variant="" if mib == self.memory_mib else f"-{mib}mib")


def check_memory(mib: int) -> None:
    """Raise UsageError for less than LEAST_MIB."""
    if mib < LEAST_MIB:
        raise UsageError(f"a lab host needs {LEAST_MIB} MiB of memory or more, found {mib}")


def releases() -> list[str]:
    """The releases with a recipe, such as "debian12"."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _recipes().iterdir() if entry.name.endswith(".yaml"))


def states(release: str) -> tuple[str, ...]:
    """The names of a release with its updates and, unless it is rolling, of what it contains itself."""
    return (release, f"{release}@{_RELEASE_ONLY}") if _read(_own_text(release))["pockets"] else (release,)


def load_recipe(release: str) -> Recipe:
    """The recipe of `release`: with its updates and security updates, unless the name ends with "@release".

    Rolling ones, "debian-testing" and "debian-sid", have no such state.  Raises UsageError with the known releases for
    an unknown one.
    """
    name, at, _ = release.partition("@")
    if name not in releases() or release not in states(name):
        known = [state for each in releases() for state in states(each)]
        raise UsageError(f"there is no lab recipe {release!r}; expected one of: {', '.join(known)}")
    own_text = _own_text(name)
    own = _read(own_text)
    common_text = _recipes().joinpath("common", f"{own['extends']}.yaml").read_text("utf-8")
    common = _read(common_text)
    finish = finish_script()
    return Recipe(
        release=release,
        title=own["title"] + (", without updates" if at else ""),
        suites=(own["suite"], *(() if at else (own["suite"] + pocket for pocket in own["pockets"]))),
        memory_mib=common["memory_mib"],
        cpus=common["cpus"],
        disk_gib=common["disk_gib"],
        shared_gib=common["shared_gib"],
        packages=(*common["packages"], *own["packages"]),
        early_files=_files(common["early_files"], name),
        files=_files(common["files"], name),
        masked=tuple(common["masked"]),
        digest=hashlib.sha256(f"{BUILDER}\n{finish}\n{common_text}\n{own_text}".encode()).hexdigest()[:16],
    )


def finish_script() -> str:
    """The first process of the finishing boot, a POSIX sh script."""
    return files("xenproof.lab").joinpath("finish.sh").read_text("utf-8")


def _recipes() -> Traversable:
    return files("xenproof.lab").joinpath("recipes")


def _own_text(release: str) -> str:
    return _recipes().joinpath(f"{release}.yaml").read_text("utf-8")


def _read(text: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return data


def _files(rows: Mapping[str, Mapping[str, str | bool]], release: str) -> dict[str, RecipeFile]:
    return {
        path: RecipeFile(
            str(row["content"]).replace("{release}", release),
            int(str(row.get("mode", "0644")), 8),
            bool(row.get("appended", False)),
        )
        for path, row in rows.items()
    }
