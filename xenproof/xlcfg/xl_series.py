"""What the xl of a series of Xen understands in a guest's configuration: data in series/SERIES.yaml."""

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
    """The words of a disk specification: values of `format` and `backendtype`, words without and with a value."""

    formats: frozenset[str]
    backendtypes: frozenset[str]
    flags: frozenset[str]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class XlSeries:
    """One series of Xen, such as "4.17".

    `raw_file` is the backend type of a raw file that asks for none, `hvm_cdrom` those that a drive of an HVM guest may
    have, `blktap` whether the backend type tap can serve at all, `phy_takes_empty` whether phy may be given a drive
    without medium, if only in a driver domain, `files_for_empty` whether that is an empty file in dom0 then,
    `refuses_odd_targets` whether a target has to be a file or a block device, `appends` whether `key += value` is
    known.  `keys` are the keys of a guest's configuration with the series that brought each, `gone` those that were
    dropped, with the series that dropped them.
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
    """The series `name`, with what those of `vendors` added that it knows of, such as "sles".

    Raises UsageError that lists the series that there are.
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
    # A later series has what was added to an earlier one, or it was dropped upstream: only its own counts.
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
    """The series that brought a key of a guest's configuration; None where no series ever knew it."""
    newest = load_series(series_names()[-1])
    return newest.keys.get(key)


def series_names() -> list[str]:
    """The series that are described, the oldest first."""
    names = [entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.name.endswith(".yaml")]
    return sorted(names, key=lambda name: tuple(map(int, name.split("."))))


def _folder() -> Traversable:
    return files("xenproof.xlcfg").joinpath("series")


def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(_folder().joinpath(f"{name}.yaml").read_text("utf-8"))
    return data
