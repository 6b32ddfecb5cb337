"""Leases on a real host: two runs know of each other, and what a run leaves claims nothing."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from selftest.lab.guests import guest_host
from xenproof.errors import GuestError
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.lease import LEASES, OVERHEAD_MIB, RESERVE_MIB
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.domains import free_memory_mib


@pytest.fixture
def runs(shared_host: LabHost, tmp_path: Path) -> Iterator[tuple[GuestHost, GuestHost]]:
    """What one host is to two runs, each over a connection of its own."""
    with ExitStack() as held:
        hosts = []
        for name in ("one", "two"):
            dom0 = shared_host.connect()
            held.callback(dom0.close)
            (tmp_path / name).mkdir()
            host = guest_host(dom0, tmp_path / name)
            host.enter()
            held.callback(host.leave)
            hosts.append(host)
        yield hosts[0], hosts[1]


def test_a_run_waits_for_the_guests_of_another(runs: tuple[GuestHost, GuestHost], shared_shell: Connection) -> None:
    one, two = runs
    first, second = one.new_name(), two.new_name()
    most = free_memory_mib(shared_shell) - RESERVE_MIB - OVERHEAD_MIB

    with one.lease(first, memory_mib=most, vcpus=1, limit_s=60):
        with (
            pytest.raises(GuestError, match=rf"{second} needs .* found 0 of .* held: {most + OVERHEAD_MIB} .* {first}"),
            two.lease(second, memory_mib=64, vcpus=1, limit_s=0),
        ):
            pass
        with (
            pytest.raises(GuestError, match="lower dom0_mem"),
            two.lease(second, memory_mib=most + 1, vcpus=1, limit_s=60),
        ):
            pass
    with two.lease(second, memory_mib=most, vcpus=1, limit_s=60):
        pass
    assert shared_shell.run(f"ls -A {LEASES}").check().text == ""


@pytest.mark.releases
def test_two_runs_never_have_the_same_memory(runs: tuple[GuestHost, GuestHost], shared_shell: Connection) -> None:
    most = free_memory_mib(shared_shell) - RESERVE_MIB - OVERHEAD_MIB
    inside, seen = threading.Semaphore(1), []

    def lease(run: GuestHost) -> None:
        for _ in range(3):
            with run.lease(run.new_name(), memory_mib=most, vcpus=1, limit_s=120):
                seen.append(inside.acquire(blocking=False))
                inside.release()

    other = threading.Thread(target=lease, args=(runs[1],))
    other.start()
    lease(runs[0])
    other.join()

    assert seen == [True] * 6


def test_a_run_that_is_over_claims_nothing(runs: tuple[GuestHost, GuestHost], shared_shell: Connection) -> None:
    one, two = runs
    most = free_memory_mib(shared_shell) - RESERVE_MIB - OVERHEAD_MIB
    shared_shell.run(f"mkdir -p {LEASES}; echo '1 {most} 1 /nosuch' >{LEASES}/xenproof-gone-1").check()
    left_over = one.lease(one.new_name(), memory_mib=most, vcpus=1, limit_s=60)
    left_over.__enter__()

    one.leave()

    with two.lease(two.new_name(), memory_mib=most, vcpus=1, limit_s=60):
        pass
    assert shared_shell.run(f"ls -A {LEASES}").text == ""


def test_ports_of_a_run_are_free_when_it_is_over(runs: tuple[GuestHost, GuestHost], shared_shell: Connection) -> None:
    one, two = runs
    first, second = one.lease_ports(2), two.lease_ports(1)
    assert len({*first, *second}) == 3

    one.leave()

    assert shared_shell.run(f"ls -A {LEASES}").text.split() == [f"port-{port}" for port in second]
