"""Leases on two hosts: two runs that name them in opposite order never wait for each other for ever."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from selftest.stand_in import StandInHost
from xenproof.errors import GuestError, ParseError
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.lease import OVERHEAD_MIB, RESERVE_MIB, leased
from xenproof.guest.host.lease_on_hosts import leased_on
from xenproof.guest.host.run_identity import RunIdentity

FREE_MIB = 1886
MOST_MIB = FREE_MIB - RESERVE_MIB - OVERHEAD_MIB
FIRST, SECOND = "00000000-1111-4222-8333-944445555666", "ffffffff-1111-4222-8333-944445555666"


class Runs:
    """Two runs that use the same two hosts."""

    def __init__(self, folder: Path) -> None:
        self.a, self.b = StandInHost(folder / "xen1", boot_id=SECOND), StandInHost(folder / "xen2", boot_id=FIRST)
        identities = [RunIdentity.of(folder / name) for name in ("one", "two")]
        self.hosts = [[GuestHost(dom0, run, dom0.images) for dom0 in (self.a, self.b)] for run in identities]
        self.requests: list[str] = []
        for dom0 in (self.a, self.b):
            dom0.on_command = partial(self._note, dom0.url)

    def _note(self, url: str, command: str) -> None:
        if "request $name" in command:
            self.requests.append(url)

    def meet(self) -> None:
        """Let each run wait for the other one, behind its first lease."""
        gate = threading.Barrier(2, timeout=20)
        met: set[int] = set()

        def wait(command: str) -> None:
            if "request $name" in command and threading.get_ident() not in met:
                met.add(threading.get_ident())
                gate.wait()

        for dom0 in (self.a, self.b):
            dom0.on_done = wait


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """The runs, each with a working folder on both hosts."""
    made = Runs(tmp_path)
    with ExitStack() as held:
        for hosts in made.hosts:
            for host in hosts:
                host.enter()
                held.callback(host.leave)
        yield made


def test_two_runs_that_name_the_hosts_in_opposite_order_both_get_all(runs: Runs) -> None:
    runs.meet()
    inside, alone = threading.Semaphore(1), []

    def move(hosts: list[GuestHost]) -> None:
        with leased_on(hosts, hosts[0].new_name(), memory_mib=MOST_MIB, vcpus=1, limit_s=30):
            alone.append(inside.acquire(blocking=False))
            inside.release()

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(move, runs.hosts[0]), pool.submit(move, runs.hosts[1][::-1])
        one.result(60)
        two.result(60)

    assert alone == [True, True]
    assert not list((runs.a.folder / "run").glob("xenproof/xenproof-*"))
    assert not list((runs.b.folder / "run").glob("xenproof/xenproof-*"))


def test_without_that_order_they_wait_for_each_other(runs: Runs) -> None:
    """What the order is for: the leases of one after the other, as each run names its hosts."""
    runs.meet()

    def move(hosts: list[GuestHost]) -> bool:
        name = hosts[0].new_name()
        try:
            with ExitStack() as held:
                for host in hosts:
                    held.enter_context(host.lease(name, memory_mib=MOST_MIB, vcpus=1, limit_s=1.0))
                return True
        except GuestError:
            return False

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(move, runs.hosts[0]), pool.submit(move, runs.hosts[1][::-1])]
        assert [each.result(60) for each in found] != [True, True]


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_is_that_of_the_hosts_and_not_of_their_names(runs: Runs, turned: bool) -> None:
    hosts = runs.hosts[0][::-1] if turned else runs.hosts[0]
    name = hosts[0].new_name()
    with leased_on(hosts, name, memory_mib=64, vcpus=1, limit_s=30):
        pass

    assert runs.requests == [runs.b.url, runs.a.url]  # that of the first boot_id first


def test_a_lease_that_is_not_had_gives_the_others_back(runs: Runs) -> None:
    one, two = runs.hosts
    theirs, ours = two[0].new_name(), one[0].new_name()
    with (
        leased(runs.a, two[0].folder.path, theirs, memory_mib=MOST_MIB, vcpus=1, limit_s=5),
        pytest.raises(GuestError, match=f"held: {MOST_MIB + OVERHEAD_MIB} MiB and 1 by {theirs}"),
        leased_on(one, ours, memory_mib=64, vcpus=1, limit_s=0.0),
    ):
        pass
    assert not list((runs.b.folder / "run").glob("xenproof/xenproof-*"))


def test_one_host_by_two_names_is_an_error(runs: Runs) -> None:
    (runs.b.folder / "boot_id").write_text(f"{SECOND}\n")
    with (
        pytest.raises(GuestError, match="ssh://root@xen1 and ssh://root@xen2 are the same host"),
        leased_on(runs.hosts[0], "x", memory_mib=64, vcpus=1, limit_s=5),
    ):
        pass


@pytest.mark.parametrize("machine_id", [f"{'0' * 31}b\n", "uninitialized\n", "", None])
def test_two_hosts_of_one_snapshot_are_two(runs: Runs, machine_id: str | None) -> None:
    (runs.b.folder / "boot_id").write_text(f"{SECOND}\n")
    if machine_id is None:
        (runs.b.folder / "machine-id").unlink()
    else:
        (runs.b.folder / "machine-id").write_text(machine_id)
    with leased_on(runs.hosts[0], "x", memory_mib=64, vcpus=1, limit_s=20):
        pass


@pytest.mark.parametrize("text", ["", "1\n", f"{FIRST}\n{SECOND}\n", "x" * 10_000])
def test_a_boot_id_of_another_shape_is_an_error(runs: Runs, text: str) -> None:
    (runs.a.folder / "boot_id").write_text(text)
    with pytest.raises(ParseError, match="expected a UUID"):
        runs.hosts[0][0].identity()
