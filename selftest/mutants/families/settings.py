"""Settings in files of shell variables: another value, not set, a word less."""

import re
from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, Raw, put
from selftest.mutants.texts import file_lines, paths, with_file, without_file

_UNSET = "unset"
_OTHERS = ("mutant", "0", "no")


def with_setting(host: Raw, name: str, value: str) -> Raw:
    """The host with FILE:VARIABLE set so, "unset" for a comment; the file is made where there is none."""
    path, _, variable = name.rpartition(":")
    row = f'#{variable}=""' if value == _UNSET else f'{variable}="{value}"'
    lines: Lines = file_lines(host, path) if path in paths(host) else []
    return with_file(host, path, put(lines, lambda line: re.match(rf"\s*{variable}\+?=", line) is not None, row))


def _allowed(case: Case) -> tuple[str, ...]:
    return case.expected.names if case.expected.attribute == "one_of" else (case.expected.text,)


def _other(case: Case) -> Iterator[Mutation]:
    for value in (*_OTHERS, _UNSET):
        if value not in _allowed(case):
            what = "the setting is not made" if value == _UNSET else f"the setting is {value}"
            yield Mutation(what, with_setting(case.host, case.name, value))
    path, _, variable = case.name.rpartition(":")
    if _UNSET not in _allowed(case):
        yield Mutation("there is no such file", without_file(case.host, path))
    again = with_file(case.host, path, [*file_lines(case.host, path), f"{variable}='mutant'"])
    yield Mutation("a later line sets it once more, to mutant", again)


def _less(case: Case) -> Iterator[Mutation]:
    for want in case.expected.names:
        rest = " ".join(word for word in case.expected.names if word != want)
        yield Mutation(f"the word {want} is missing", with_setting(case.host, case.name, rest))
        longer = with_setting(case.host, case.name, f"{rest} {want}x")
        yield Mutation(f"the word {want} is only the beginning of one", longer)
    yield Mutation("there is no such file", without_file(case.host, case.name.rpartition(":")[0]))


def _make(case: Case) -> Raw:
    return with_setting(case.host, case.name, _allowed(case)[0])


def _make_has(case: Case) -> Raw:
    return with_setting(case.host, case.name, " ".join(case.expected.names))


MUTATORS: dict[str, Mutator] = {"is": _other, "one_of": _other, "has": _less}
MAKERS: dict[str, Maker] = {"is": _make, "one_of": _make, "has": _make_has}
