"""Entries of xenstore: gone, there against the rules, with another value."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put, word
from xenproof.probing.probes import DOM0_NAME

_SECTION = "xenstore"


def with_entry(host: Raw, path: str, value: str | None) -> Raw:
    """The host with this value in xenstore, None for no such entry."""
    row = f"missing {path}" if value is None else f"there {path} {value}"
    return host.edited(_SECTION, lambda old: put(old, word(1, path, " "), row))


def _is(case: Case) -> Iterator[Mutation]:
    want = case.expected.text
    for value in (f"{want}x", want[:-1], "mutant"):
        yield Mutation(f"the entry holds {value!r}", with_entry(case.host, case.name, value))
    if case.name != DOM0_NAME:  # without dom0's name, nothing was read
        yield Mutation("there is no such entry", with_entry(case.host, case.name, None))


def _exists(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        yield Mutation("there is no such entry", with_entry(case.host, case.name, None))
    else:
        yield Mutation("there is such an entry", with_entry(case.host, case.name, "1"))
        yield Mutation("there is such an entry, and it is empty", with_entry(case.host, case.name, ""))


def _make_is(case: Case) -> Raw:
    return with_entry(case.host, case.name, case.expected.text)


def _make_exists(case: Case) -> Raw:
    return with_entry(case.host, case.name, "1" if case.expected.value is True else None)


MUTATORS: dict[str, Mutator] = {"is": _is, "exists": _exists}
MAKERS: dict[str, Maker] = {"is": _make_is, "exists": _make_exists}
