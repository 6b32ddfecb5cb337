"""Which checks one of xdist's workers should run together, as declared by marks beside the checks.

xdist's scheduler gets only the names of the checks, so each worker writes the affinities of its checks to a file.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from xenproof.suite.run_context import context_of

MARKERS = (
    "same_worker(group): one worker runs all checks of the group.",
    "shares_guest: a guest or a host's answer serves other checks of the group too, so that each takes little time.",
)
_FILE = "affinities.json"


@dataclass(frozen=True, slots=True)
class Affinity:
    """The group of a check, "" for none, and whether it shares a guest or another slow result with its group."""

    group: str = ""
    shares: bool = False


def affinity_of(item: pytest.Item) -> Affinity:
    """The affinity of a check by its marks; by default the checks of one `disk_backend` on one host share its guest."""
    mark = item.get_closest_marker("same_worker")
    group = "" if mark is None else str(mark.args[0])
    shares = item.get_closest_marker("shares_guest") is not None
    if not group and isinstance(item, pytest.Function) and "disk_backend" in item.fixturenames:
        return Affinity(f"{item.nodeid.partition('::')[0]}[{item.nodeid.partition('[')[2]}", shares=True)
    return Affinity(group, shares)


def write_affinities(folder: Path, items: Iterable[pytest.Item]) -> None:
    """Write the affinities of `items` to the run's folder; all workers collect the same, so any may write last."""
    found = {item.nodeid: affinity_of(item) for item in items}
    rows = {nodeid: [one.group, one.shares] for nodeid, one in found.items() if one != Affinity()}
    unfinished = folder / f"{_FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(rows), "utf-8")
    unfinished.replace(folder / _FILE)


def read_affinities(folder: Path) -> Mapping[str, Affinity]:
    """The affinities that a worker wrote, by nodeid; empty where none did."""
    file = folder / _FILE
    rows = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return {nodeid: Affinity(group, shares) for nodeid, (group, shares) in rows.items()}


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the affinities, in a worker, before xdist reports that the collection is finished."""
    context = context_of(session.config)
    if context is not None and context.is_worker:
        write_affinities(context.folder, session.items)
