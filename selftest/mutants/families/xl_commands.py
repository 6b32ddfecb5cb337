"""Subcommands of xl: gone, or there against the rules."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, Raw


def without_subcommand(host: Raw, name: str) -> Raw:
    """The host whose xl does not list the subcommand; the second line of a long one goes with it."""

    def change(lines: Lines) -> Lines:
        kept: Lines = []
        dropping = False
        for line in lines:
            # Only a subcommand has exactly one blank before it.
            begins = line[:1] == " " and line[1:2] not in ("", " ")
            dropping = line.split()[:1] == [name] if begins else dropping and line.startswith("  ")
            if not dropping:
                kept.append(line)
        return kept

    return host.edited("xl-help", change)


def with_subcommand(host: Raw, name: str) -> Raw:
    """The host whose xl lists the subcommand."""
    row = f" {name:<19} Added by a mutation"
    return without_subcommand(host, name).edited("xl-help", lambda old: [*old, row])


def _present(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        yield Mutation("xl has no such subcommand", without_subcommand(case.host, case.name))
        similar = with_subcommand(without_subcommand(case.host, case.name), f"{case.name}-x")
        yield Mutation("xl has a similar one instead", similar)
    else:
        yield Mutation("xl has the subcommand", with_subcommand(case.host, case.name))


def _make_present(case: Case) -> Raw:
    listed = any(line.startswith(" ") and line.split()[:1] == [case.name] for line in case.host.lines("xl-help"))
    if case.expected.value is not True:
        return without_subcommand(case.host, case.name)
    return case.host if listed else with_subcommand(case.host, case.name)


MUTATORS: dict[str, Mutator] = {"present": _present}
MAKERS: dict[str, Maker] = {"present": _make_present}
