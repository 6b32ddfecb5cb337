"""Settings of xl.conf: another value, not set."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put
from selftest.mutants.texts import edit_file

XL_CONF = "/etc/xen/xl.conf"
_UNSET = "unset"
_OTHERS = ("on", "1", "2", "mutant")


def with_setting(host: Raw, name: str, value: str) -> Raw:
    """The host whose xl.conf sets it so; "unset" comments it out."""

    def sets(line: str) -> bool:
        return line.partition("=")[0].strip() == name

    new = f'#{name}="auto"' if value == _UNSET else f'{name}="{value}"'
    return edit_file(host, XL_CONF, lambda lines: put(lines, sets, new))


def _other(case: Case) -> Iterator[Mutation]:
    allowed = case.expected.names if case.expected.attribute == "one_of" else (case.expected.text,)
    for value in (*_OTHERS, _UNSET):
        if value not in allowed:
            what = "the setting is not made" if value == _UNSET else f"the setting is {value}"
            yield Mutation(what, with_setting(case.host, case.name, value))
    again = edit_file(case.host, XL_CONF, lambda lines: [*lines, f"{case.name} = 'mutant'"])
    yield Mutation("a later line sets it once more, to mutant", again)


def _make_is(case: Case) -> Raw:
    return with_setting(case.host, case.name, case.expected.text)


def _make_one_of(case: Case) -> Raw:
    return with_setting(case.host, case.name, case.expected.names[0])


MUTATORS: dict[str, Mutator] = {"is": _other, "one_of": _other}
MAKERS: dict[str, Maker] = {"is": _make_is, "one_of": _make_one_of}
