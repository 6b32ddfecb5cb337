"""The options of qemu: one that it was built without, or with against the rules."""

import re
from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, Test, put

_SECTION = "qemu-help"


def with_option(host: Raw, name: str) -> Raw:
    """The host whose qemu lists the option."""
    return host.edited(_SECTION, lambda old: put(old, _begins(name), f"-{name} added by a mutation"))


def without_option(host: Raw, name: str) -> Raw:
    """The host whose qemu does not list the option."""
    return host.edited(_SECTION, lambda old: put(old, _begins(name)))


def _begins(name: str) -> Test:
    return lambda line: re.match(rf"-{re.escape(name)}(?![A-Za-z0-9_-])", line) is not None


def _present(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        yield Mutation("qemu has the option", with_option(case.host, case.name))
        return
    without = without_option(case.host, case.name)
    yield Mutation("qemu does not have the option", without)
    yield Mutation("qemu has only a longer one", with_option(without, f"{case.name}-x"))


def _make_present(case: Case) -> Raw:
    if case.expected.value is not True:
        return without_option(case.host, case.name)
    there = any(map(_begins(case.name), case.host.lines(_SECTION)))
    return case.host if there else with_option(case.host, case.name)


MUTATORS: dict[str, Mutator] = {"present": _present}
MAKERS: dict[str, Maker] = {"present": _make_present}
