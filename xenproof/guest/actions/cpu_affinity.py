"""On which CPUs of its host a guest runs: its affinity and its CPU pool."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xenproof.guest.actions.running_guest import RunningGuest
from xenproof.source.connection import Connection
from xenproof.xen.domain_control import run_xl
from xenproof.xen.processors import parse_affinity, parse_nodes, parse_pools

POOL = "Pool-0"
"""The pool of dom0, and of each guest whose configuration names none."""


def nodes(dom0: Connection) -> dict[int, list[int]]:
    """The CPUs of each NUMA node of the host."""
    found = parse_nodes(dom0.run("xl info -n").check().text)
    return {node: sorted(cpus) for node, cpus in sorted(found.items())}


def pin(running: RunningGuest, cpus: str, every: Collection[int]) -> list[int]:
    """Pin the guest's first virtual processor to `cpus`, such as "1" or "nodes:0"; returns its affinity afterwards.

    `every` is all CPUs of the host, which xl prints as "all".
    """
    run_xl(running.dom0, "vcpu-pin", running.name, "0", cpus)
    found = parse_affinity(running.dom0.run(f"xl vcpu-list {running.guest.domid}").check().text, frozenset(every))
    return sorted(found[0])


@dataclass(frozen=True, slots=True)
class Pooled:
    """The result of moving a guest into a CPU pool of its own and back.

    `cpus` and `members` are those of that pool, `answered` is whether the guest answered in it, `pools` and
    `pools_afterwards` are the host's pools with their CPUs before and afterwards.
    """

    cpus: Sequence[int]
    members: Sequence[str]
    answered: bool
    pools: dict[str, list[int]]
    pools_afterwards: dict[str, list[int]]


def pools(dom0: Connection) -> dict[str, list[int]]:
    """The host's CPU pools, each with its CPUs."""
    found = parse_pools(dom0.run("xl cpupool-list -c").check().text)
    return {name: sorted(cpus) for name, cpus in sorted(found.items())}


def use_own_pool(running: RunningGuest) -> Pooled:
    """Make a CPU pool of the last CPU of dom0's pool, move the guest there and back, and remove the pool."""
    before = pools(running.dom0)
    cpu, own_pool = str(before[POOL][-1]), pool_of(running.name)
    try:
        run_xl(running.dom0, "cpupool-cpu-remove", POOL, cpu)
        run_xl(running.dom0, "cpupool-create", f'name="{own_pool}"', f'cpus="{cpu}"')
        run_xl(running.dom0, "cpupool-migrate", running.name, own_pool)
        own = pools(running.dom0).get(own_pool, [])
        members = members_of(running.dom0, own_pool)
        answered = running.answer(running.ask()) is not None
    finally:
        run_xl(running.dom0, "cpupool-migrate", running.name, POOL)
        run_xl(running.dom0, "cpupool-destroy", own_pool)
        run_xl(running.dom0, "cpupool-cpu-add", POOL, cpu)
    return Pooled(own, members, answered, before, pools(running.dom0))


def pool_of(guest: str) -> str:
    """The name of a guest's own pool, the same in keeper.sh; short, as xl's table has no blank after 19 letters."""
    return f"xp-{guest.removeprefix('xenproof-')}"


def members_of(dom0: Connection, pool: str) -> list[str]:
    """The domains that `xl list -c` shows in a pool."""
    # Such as: xenproof-n5QuMbaI-1        1   128     1     -b----      10.3         Pool-0
    rows = [line.split() for line in dom0.run("xl list -c").check().text.splitlines()]
    return [row[0] for row in rows if row and row[-1] == pool]
