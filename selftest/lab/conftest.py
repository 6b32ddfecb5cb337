"""Real lab hosts for tests of xenproof itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selftest.lab.suite import Suite
from xenproof.lab import host as lab
from xenproof.run.progress import Silent
from xenproof.source.connection import Connection


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the lab."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("lab")


@pytest.fixture
def lab_host() -> Iterator[lab.LabHost]:
    """A fresh dom0, thrown away afterwards."""
    host = lab.up("debian12", Silent())
    yield host
    host.down()


@pytest.fixture
def dom0_shell(lab_host: lab.LabHost) -> Iterator[Connection]:
    """Root's shell on the fresh dom0."""
    connection = lab_host.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def shared_host() -> Iterator[lab.LabHost]:
    """A dom0 for all tests of a module that leave it as it was."""
    host = lab.up("debian12", Silent())
    yield host
    host.down()


@pytest.fixture(scope="module")
def shared_shell(shared_host: lab.LabHost) -> Iterator[Connection]:
    """Root's shell on that dom0."""
    connection = shared_host.connect()
    yield connection
    connection.close()


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """The suite, reporting into a folder of this test."""
    return Suite(tmp_path / "report")
