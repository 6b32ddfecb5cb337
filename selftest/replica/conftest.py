"""The replica of SLES 12 for tests: built once in a test session, whatever the number of its processes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from selftest.lab.suite import Suite
from selftest.replica.live import LiveReplica, served
from selftest.replica.replica import Replica, make


@pytest.fixture(scope="session")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Replica:
    """The replica; its root directory is for all tests, so none may change it."""
    # The processes of xdist have folders of their own below one that they share.
    shared = (
        tmp_path_factory.getbasetemp().parent
        if "PYTEST_XDIST_WORKER" in os.environ
        else tmp_path_factory.mktemp("replica")
    )
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
