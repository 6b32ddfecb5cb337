"""Leases on ports, on this machine: no two runs choose the same, and what a run leaves leases nothing."""

import socket
from pathlib import Path

import pytest

from selftest.sshd import HOST
from xenproof.errors import CommandFailed, GuestError
from xenproof.guest.host.port_lease import lease_ports
from xenproof.source.local import LocalConnection

FEW = range(20000, 20004)


class Runs:
    """Runs that use this machine, each with a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.leases = folder / "leases"

    def lease(self, run: str, count: int, ports: range = FEW) -> list[int]:
        (self.folder / run).mkdir(exist_ok=True)
        return lease_ports(LocalConnection(), str(self.folder / run), count, ports, str(self.leases))


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Runs whose leases are in a folder of this test."""
    return Runs(tmp_path)


def test_two_runs_never_have_the_same_port(runs: Runs) -> None:
    assert sorted(runs.lease("one", 2) + runs.lease("two", 2)) == list(FEW)

    with pytest.raises(GuestError, match="has 0 free TCP ports of the 4 from 20000 on that were tried, expected 1"):
        runs.lease("three", 1)


def test_one_run_never_has_the_same_port_twice(runs: Runs) -> None:
    assert sorted(runs.lease("one", 2) + runs.lease("one", 2)) == list(FEW)


def test_a_run_that_is_over_claims_nothing(runs: Runs) -> None:
    runs.lease("one", 4)
    (runs.folder / "one").rmdir()

    assert sorted(runs.lease("two", 4)) == list(FEW)


def test_a_port_that_somebody_listens_on_is_not_free(runs: Runs) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert runs.lease("one", 1, range(port, port + 2)) == [port + 1]


def test_claims_that_cannot_be_kept_are_an_error(runs: Runs) -> None:
    runs.leases.touch()

    with pytest.raises(CommandFailed, match=f"(?s)leases on .* cannot be kept: .*cannot lock {runs.leases}"):
        runs.lease("one", 1)
