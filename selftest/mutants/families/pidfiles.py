"""Pid files: gone, without a number, with that of another process or of none."""

from collections.abc import Iterator

from selftest.mutants.families.processes import with_process
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw
from selftest.mutants.texts import with_file, without_file

_LONGEST = 15  # letters of a name that the kernel keeps
_NO_PROCESS = 31998


def pids(host: Raw, name: str) -> list[int]:
    """The numbers of the processes of that name."""
    rows = [line.partition(" ") for line in host.lines("processes")]
    return [int(pid) for pid, _, comm in rows if pid.isdigit() and comm == name[:_LONGEST]]


def _process(case: Case) -> Iterator[Mutation]:
    host, path = case.host, case.name
    yield Mutation("there is no such file", without_file(host, path))
    for what, lines in {
        "it names process 1": ["1"],
        "it names a process that does not run": [str(_NO_PROCESS)],
        "it is empty": [],
        "it holds a word": ["running"],
        "it holds two numbers": ["1", "2"],
    }.items():
        yield Mutation(what, with_file(host, path, lines))


def _make_process(case: Case) -> Raw:
    host, name = case.host, case.expected.text
    if not pids(host, name):
        host = with_process(host, name, max(pids_of_all(host)) + 1)
    return with_file(host, case.name, [str(pids(host, name)[0])])


def pids_of_all(host: Raw) -> list[int]:
    """The numbers of all processes."""
    return [int(line.split()[0]) for line in host.lines("processes") if line[:1].isdigit()]


MUTATORS: dict[str, Mutator] = {"process": _process}
MAKERS: dict[str, Maker] = {"process": _make_process}
