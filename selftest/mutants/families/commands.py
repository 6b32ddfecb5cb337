"""Commands: not on the PATH, or there against the rules."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put, word


def with_command(host: Raw, name: str, path: str) -> Raw:
    """The host with the command at the path; "" for nowhere."""
    return host.edited("commands", lambda old: put(old, word(0, name, " "), f"{name} {path}"))


def _on_path(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        yield Mutation("the command is not on the PATH", with_command(case.host, case.name, ""))
    else:
        yield Mutation("the command is on the PATH", with_command(case.host, case.name, f"/usr/local/bin/{case.name}"))


def _make_on_path(case: Case) -> Raw:
    return with_command(case.host, case.name, f"/usr/sbin/{case.name}" if case.expected.value is True else "")


MUTATORS: dict[str, Mutator] = {"on_path": _on_path}
MAKERS: dict[str, Maker] = {"on_path": _make_on_path}
