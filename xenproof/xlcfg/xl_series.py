"""What xl of each series of Xen accepts in a guest's configuration: data in series/SERIES.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ruamel.yaml import YAML

from xenproof.errors import UsageError


@dataclass(frozen=True, slots=True)
class DiskWords:
    """The keywords of a disk specification: values of `format` and `backendtype`, flags, and keys with a value."""

    formats: frozenset[str]
    backendtypes: frozenset[str]
    flags: frozenset[str]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class XlSeries:
    """One series of Xen, such as "4.17".

    `raw_file` is the backend type of a raw file whose specification names none, `hvm_cdrom` are the backend types
    that a CD drive of an HVM guest may have.  `blktap`: the backend type tap works.  `phy_takes_empty`: phy accepts a
    drive without medium, even if only in a driver domain.  `files_for_empty`: such a drive counts as a file in dom0.
    `refuses_odd_targets`: a target must be a file or a block device.  `appends`: `key += value` is accepted.  `keys`
    maps each key of a guest's configuration to the series that added it, `gone` each removed key to the series that
    removed it.
    """

    name: str
    source: str
    disk: DiskWords
    raw_file: str
    hvm_cdrom: tuple[str, ...]
    blktap: bool
    appends: bool
    phy_takes_empty: bool
    files_for_empty: bool
    refuses_odd_targets: bool
    keys: Mapping[str, str]
    gone: Mapping[str, str]


_RULES = frozenset(
    {
        "source",
        "raw_file",
        "hvm_cdrom",
        "blktap",
        "appends",
        "phy_takes_empty",
        "files_for_empty",
        "refuses_odd_targets",
    }
)


@cache
def load_series(name: str, *vendors: str) -> XlSeries:
    """The series `name`, with the additions of those of `vendors` that its data names, such as "sles".

    Raises UsageError with the known series for an unknown one.
    """
    if name not in (known := series_names()):
        raise UsageError(f"nothing is known of the xl of Xen {name}; expected one of {', '.join(known)}")
    merged: dict[str, Any] = {}
    keys: dict[str, str] = {}
    gone: dict[str, str] = {}
    for step in known[: known.index(name) + 1]:
        data = _read(step)
        for word in data.get("adds_keys", ()):
            keys.setdefault(word, step)
            gone.pop(word, None)
        for word in data.get("drops_keys", ()):
            keys.pop(word, None)
            gone[word] = step
        disk = merged.setdefault("disk", {})
        for kind, words in data.get("adds_to_disk", {}).items():
            disk.setdefault(kind, set()).update(words)
        merged.update({key: value for key, value in data.items() if key in _RULES})
    disk = merged["disk"]
    # Only the vendors' additions to this series count: upstream has since adopted or dropped those to earlier ones.
    own = _read(name).get("vendors", {})
    disk["flags"].update(*(own[vendor]["flags"] for vendor in vendors if vendor in own))
    return XlSeries(
        name=name,
        source=merged["source"],
        disk=DiskWords(*(frozenset(disk[kind]) for kind in ("formats", "backendtypes", "flags", "keys"))),
        raw_file=merged["raw_file"],
        hvm_cdrom=tuple(merged["hvm_cdrom"]),
        blktap=merged["blktap"],
        appends=merged["appends"],
        phy_takes_empty=merged["phy_takes_empty"],
        files_for_empty=merged["files_for_empty"],
        refuses_odd_targets=merged["refuses_odd_targets"],
        keys=keys,
        gone=gone,
    )


def since(key: str) -> str | None:
    """The series that added a key of a guest's configuration; None where the newest series does not have it."""
    newest = load_series(series_names()[-1])
    return newest.keys.get(key)


def series_names() -> list[str]:
    """The names of all series with data, the oldest first."""
    names = [entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml")]
    return sorted(names, key=lambda name: tuple(map(int, name.split("."))))


def _folder() -> Traversable:
    return files("xenproof.xlcfg").joinpath("series")


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(_folder().joinpath(f"{name}.yaml").read_text("utf-8"))
    return data
