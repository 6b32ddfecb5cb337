"""Processes: not running, or running against the rules."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw

_LONGEST = 15  # letters of a name that the kernel keeps
_NEW = 31999


def without_process(host: Raw, name: str) -> Raw:
    """The host without any process of that name."""
    rows = [line.partition(" ") for line in host.lines("processes")]
    gone = {pid for pid, _, comm in rows if comm == name[:_LONGEST]}
    return host.with_lines("processes", ["".join(row) for row in rows if row[0] not in gone])


def with_process(host: Raw, name: str, pid: int = _NEW) -> Raw:
    """The host with one process of that name, `pid`."""
    *rows, own = without_process(host, name).lines("processes")
    return host.with_lines("processes", [*rows, f"{pid} {name[:_LONGEST]}", own])


def _running(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        yield Mutation("no such process runs", without_process(case.host, case.name))
        # The name is compared whole, not by its beginning.
        other = with_process(without_process(case.host, case.name), f"x{case.name}")
        yield Mutation("a process of a similar name runs instead", other)
    else:
        yield Mutation("such a process runs", with_process(case.host, case.name))


def _make_running(case: Case) -> Raw:
    if case.expected.value is not True:
        return without_process(case.host, case.name)
    pids = [int(line.split()[0]) for line in case.host.lines("processes") if line[:1].isdigit()]
    return with_process(case.host, case.name, max(pids) + 1)


MUTATORS: dict[str, Mutator] = {"running": _running}
MAKERS: dict[str, Maker] = {"running": _make_running}
