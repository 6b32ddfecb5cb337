"""The replica of SLES 12 for tests: built once in a test session, whatever the number of its processes."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from selftest.lab.suite import Suite
from selftest.replica.difference import Difference, Good
from selftest.replica.hostile import Damage, hostile
from selftest.replica.live import LiveReplica, served
from selftest.replica.replica import Replica, make


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all processes of this session."""
    # The processes of xdist have folders of their own below one that they share.
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Replica:
    """The replica; its root directory is for all tests, so none may change it."""
    shared = shared_folder(tmp_path_factory)
    folder, done = shared / "sles12", shared / "sles12.done"
    with FileLock(shared / "sles12.lock"):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return Replica(folder)


@pytest.fixture(scope="session")
def live(replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReplica]:
    """The replica behind an sshd on loopback."""
    with served(replica, tmp_path_factory.mktemp("sshd") / "keys") as running:
        yield running


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """The suite, reporting into a folder of this test."""
    return Suite(tmp_path / "report")


@pytest.fixture(scope="session")
def good(live: LiveReplica, tmp_path_factory: pytest.TempPathFactory) -> Good:
    """The verdicts on the replica as it is."""
    path = shared_folder(tmp_path_factory) / "good.json"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            run = Suite(tmp_path_factory.mktemp("good") / "report").run("--profile=sles12", *live.options, "tests/host")
            path.write_text(json.dumps(Good.of(run).rows), "utf-8")
    return Good(json.loads(path.read_text("utf-8")))


@pytest.fixture
def damaged(replica: Replica, good: Good, suite: Suite, tmp_path: Path) -> Callable[[Damage], Difference]:
    """Runs the suite against the replica with a damage, and says what that made of the verdicts."""

    def run(damage: Damage) -> Difference:
        with hostile(replica, tmp_path / "host", damage) as host:
            return Difference(good, suite.run("--profile=sles12", *host.options, "tests/host"))

    return run
