"""Which checks one of xdist's workers should run together: their marks say so, beside the checks.

The process that hands out the checks knows no more of them than their names, so a worker writes down what it collected.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from xenproof.suite.state import STATE

MARKERS = (
    "same_worker(group, entries=None): one worker runs all checks of the group; of `entries` only, if given.",
    "shares_guest: a guest or a host's answer serves other checks of the group too, so that each takes little time.",
)
_FILE = "affinities.json"


@dataclass(frozen=True, slots=True)
class Affinity:
    """The group of a check, "" for none, and whether it shares what takes long with the others."""

    group: str = ""
    shares: bool = False


def affinity_of(item: pytest.Item) -> Affinity:
    """What the marks of a check say; those of a guest of `disk_backend` share it, for each backend of each host."""
    group = next((str(mark.args[0]) for mark in item.iter_markers("same_worker") if _is_meant(item, mark)), "")
    shares = item.get_closest_marker("shares_guest") is not None
    if not group and isinstance(item, pytest.Function) and "disk_backend" in item.fixturenames:
        return Affinity(f"{item.nodeid.partition('::')[0]}[{item.nodeid.partition('[')[2]}", shares=True)
    return Affinity(group, shares)


def _is_meant(item: pytest.Item, mark: pytest.Mark) -> bool:
    entries = mark.kwargs.get("entries")
    expected = item.callspec.params.get("expected") if hasattr(item, "callspec") else None
    return entries is None or getattr(expected, "name", None) in entries


def write_affinities(folder: Path, items: Iterable[pytest.Item]) -> None:
    """Write down what checks say; all workers of a run collect the same, so that any of them may be the last."""
    found = {item.nodeid: affinity_of(item) for item in items}
    rows = {nodeid: [one.group, one.shares] for nodeid, one in found.items() if one != Affinity()}
    unfinished = folder / f"{_FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(rows), "utf-8")
    unfinished.replace(folder / _FILE)


def read_affinities(folder: Path) -> Mapping[str, Affinity]:
    """What a worker wrote down, by the nodeid; nothing where none did."""
    file = folder / _FILE
    rows = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return {nodeid: Affinity(group, shares) for nodeid, (group, shares) in rows.items()}


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """In a worker: write it down before xdist says that all is collected."""
    state = session.config.stash.get(STATE, None)
    if state is not None and state.is_worker:
        write_affinities(state.folder, session.items)
