"""The options of sshd: another value."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put, word

_OTHERS = ("yes", "no", "without-password", "forced-commands-only", "mutant")


def with_option(host: Raw, name: str, value: str) -> Raw:
    """The host whose sshd has this value of the option."""
    return host.edited("sshd", lambda old: put(old, word(0, name), f"{name} {value}"))


def _other(case: Case) -> Iterator[Mutation]:
    allowed = case.expected.names if case.expected.attribute == "one_of" else (case.expected.text,)
    for value in _OTHERS:
        if value not in allowed:
            yield Mutation(f"the option is {value}", with_option(case.host, case.name.lower(), value))


def _make_is(case: Case) -> Raw:
    return with_option(case.host, case.name.lower(), case.expected.text)


def _make_one_of(case: Case) -> Raw:
    return with_option(case.host, case.name.lower(), case.expected.names[0])


MUTATORS: dict[str, Mutator] = {"is": _other, "one_of": _other}
MAKERS: dict[str, Maker] = {"is": _make_is, "one_of": _make_one_of}
