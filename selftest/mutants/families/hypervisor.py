"""What `xl info` says: another value, a word less or more, a number beyond its range."""

import contextlib
import re
from collections.abc import Iterator

from selftest.mutants.bounds import inside, outside
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw, put
from xenproof.errors import ParseError
from xenproof.profile.version import in_range

_WIDTH = 23


def field(host: Raw, name: str) -> str:
    """A field's text; raises NotPossible if this xl does not print it."""
    for line in host.lines("xl-info"):
        if _is(line, name):
            return line.partition(":")[2].strip()
    raise NotPossible(f"'xl info' has no field {name!r}")


def with_field(host: Raw, name: str, value: str) -> Raw:
    """The host whose xl prints this value; a field that xl does not print is put before the last."""
    row = f"{name:<{_WIDTH}}: {value}"
    lines = host.lines("xl-info")
    if not any(_is(line, name) for line in lines):
        return host.with_lines("xl-info", [*lines[:-1], row, lines[-1]])
    return host.with_lines("xl-info", put(lines, lambda line: _is(line, name), row))


def _is(line: str, name: str) -> bool:
    return re.match(rf"{re.escape(name)} *:", line) is not None


def _other(case: Case) -> Iterator[Mutation]:
    want = case.expected.text
    yield Mutation("the field has more", with_field(case.host, case.name, f"{want}0"))
    yield Mutation("the field has less", with_field(case.host, case.name, want[:-1]))


def _less(case: Case) -> Iterator[Mutation]:
    for want in case.expected.names:
        words = [word for word in field(case.host, case.name).split() if word != want]
        yield Mutation(f"the word {want} is missing", with_field(case.host, case.name, " ".join(words)))
        longer = " ".join([*words, f"{want}x"])
        yield Mutation(f"the word {want} is only the beginning of one", with_field(case.host, case.name, longer))


def _more(case: Case) -> Iterator[Mutation]:
    words = field(case.host, case.name).split()
    for unwanted in case.expected.names:
        yield Mutation(f"the word {unwanted} is there", with_field(case.host, case.name, " ".join([*words, unwanted])))


def _beyond(case: Case) -> Iterator[Mutation]:
    for why, version in outside(case.expected.text, case.profile.scheme):
        yield Mutation(f"{why}: {version}", with_field(case.host, case.name, version))


def _make_is(case: Case) -> Raw:
    return with_field(case.host, case.name, case.expected.text)


def _make_has(case: Case) -> Raw:
    try:
        words = field(case.host, case.name).split()
    except NotPossible:
        words = []
    words += [want for want in case.expected.names if want not in words]
    return with_field(case.host, case.name, " ".join(words))


def _make_lacks(case: Case) -> Raw:
    words = [word for word in field(case.host, case.name).split() if word not in case.expected.names]
    return with_field(case.host, case.name, " ".join(words))


def _make_range(case: Case) -> Raw:
    with contextlib.suppress(NotPossible, ParseError):
        if in_range(field(case.host, case.name), case.expected.text, case.profile.scheme):
            return case.host
    return with_field(case.host, case.name, inside(case.expected.text, case.profile.scheme))


MUTATORS: dict[str, Mutator] = {"is": _other, "has": _less, "lacks": _more, "range": _beyond}
MAKERS: dict[str, Maker] = {"is": _make_is, "has": _make_has, "lacks": _make_lacks, "range": _make_range}
