"""How the kernel was built: another value, not set, not named at all."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put

_SECTION = "kernel-config"
_NOT_SET = "n"


def with_option(host: Raw, name: str, value: str | None) -> Raw:
    """The host whose kernel was built so; "n" for "is not set", None for one that does not know the option."""
    row = [] if value is None else [f"# {name} is not set" if value == _NOT_SET else f"{name}={value}"]
    return host.edited(
        _SECTION, lambda old: put(old, lambda line: line.removeprefix("# ").replace("=", " ").split()[0] == name, *row)
    )


def _other(case: Case) -> Iterator[Mutation]:
    for value in ("y", "m", _NOT_SET):
        if value not in case.expected.names:
            yield Mutation(f"the option is {value}", with_option(case.host, case.name, value))
    if _NOT_SET not in case.expected.names:
        yield Mutation("the kernel does not know the option", with_option(case.host, case.name, None))


def _make_one_of(case: Case) -> Raw:
    return with_option(case.host, case.name, case.expected.names[0])


MUTATORS: dict[str, Mutator] = {"one_of": _other}
MAKERS: dict[str, Maker] = {"one_of": _make_one_of}
