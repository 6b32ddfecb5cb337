"""Variables of GRUB's configuration: not set, set against the rules, an option less."""

import re
from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, NotPossible, Raw
from selftest.mutants.texts import edit_file, file_lines, paths, with_file

DEFAULTS = "/etc/default/grub"
# GRUB_CMDLINE_XEN="dom0_mem=2G"   export GRUB_CMDLINE_LINUX+=' quiet'
_ASSIGNMENT = r"\s*(?:export\s+)?{}\+?=(.*)"


def words_of(host: Raw, name: str) -> Lines | None:
    """The words of the variable where it is set by one plain line, None where it is not set."""
    found = [match[1] for path in _files(host) for line in file_lines(host, path) if (match := _sets(line, name))]
    return found[-1].strip().strip("\"'").split() if found else None


def with_words(host: Raw, name: str, words: Lines) -> Raw:
    """The host that sets the variable in /etc/default/grub and nowhere else."""
    line = f'{name}="{" ".join(words)}"'
    return edit_file(without_variable(host, name), DEFAULTS, lambda lines: [*lines, line])


def without_variable(host: Raw, name: str) -> Raw:
    """The host that sets the variable nowhere."""
    for path in _files(host):
        if any(_sets(line, name) for line in file_lines(host, path)):
            host = edit_file(host, path, lambda lines: [line for line in lines if not _sets(line, name)])
    return host


def _files(host: Raw) -> list[str]:
    return [path for path in paths(host) if path == DEFAULTS or path.startswith(f"{DEFAULTS}.d/")]


def _sets(line: str, name: str) -> re.Match[str] | None:
    return re.fullmatch(_ASSIGNMENT.format(re.escape(name)), line)


def _present(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        yield Mutation("the variable is set", with_words(case.host, case.name, ["mutant"]))
        return
    yield Mutation("the variable is not set", without_variable(case.host, case.name))
    words = words_of(case.host, case.name) or []
    commented = edit_file(
        without_variable(case.host, case.name),
        DEFAULTS,
        lambda lines: [*lines, f'#{case.name}="{" ".join(words)}"'],
    )
    yield Mutation("the variable stands in a comment only", commented)


def _has(case: Case) -> Iterator[Mutation]:
    if (words := words_of(case.host, case.name)) is None:
        raise NotPossible(f"{case.name} is not set by one plain line")
    for want in case.expected.names:
        rest = [word for word in words if word != want]
        yield Mutation(f"the option {want} is missing", with_words(case.host, case.name, rest))
        longer = with_words(case.host, case.name, [*rest, f"{want}0"])
        yield Mutation(f"the option {want} is only the beginning of one", longer)
    later = with_file(case.host, f"{DEFAULTS}.d/zz-mutant.cfg", [f"{case.name}=mutant=1"])
    yield Mutation("a file of grub.d sets other options", later)


def _make_present(case: Case) -> Raw:
    if case.expected.value is not True:
        return without_variable(case.host, case.name)
    return case.host if words_of(case.host, case.name) is not None else with_words(case.host, case.name, [])


def _make_has(case: Case) -> Raw:
    words = words_of(case.host, case.name) or []
    return with_words(case.host, case.name, [*words, *(want for want in case.expected.names if want not in words)])


MUTATORS: dict[str, Mutator] = {"present": _present, "has": _has}
MAKERS: dict[str, Maker] = {"present": _make_present, "has": _make_has}
