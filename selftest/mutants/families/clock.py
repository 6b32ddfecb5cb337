"""The clock: a second too far ahead, a second too far behind."""

from collections.abc import Iterator
from datetime import datetime

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw

SECONDS = "seconds"


def with_clock(host: Raw, seconds: int) -> Raw:
    """The host whose clock shows so many seconds since 1970."""
    return host.with_lines("clock", [str(seconds)])


def _reading(host: Raw) -> tuple[int, int]:
    """When the reading began, and the last whole second in which it may have ended."""
    try:
        began = int(datetime.fromisoformat(host.taken).timestamp())
        # The beginning is in whole seconds, so the reading may have begun up to one second later.
        return began, int(began + float(host.about[SECONDS])) + 1
    except (ValueError, KeyError) as error:
        raise NotPossible(f"the recording does not say when it was taken: {error!r}") from error


def _max_s(case: Case) -> Iterator[Mutation]:
    began, ended = _reading(case.host)
    too_much = case.expected.number + 1
    yield Mutation(f"the clock is {too_much} s behind", with_clock(case.host, began - too_much))
    yield Mutation(f"the clock is {too_much} s ahead", with_clock(case.host, ended + 1 + too_much))
    yield Mutation("the clock has the wrong year", with_clock(case.host, began - 366 * 24 * 3600))


def _make_max_s(case: Case) -> Raw:
    # As far ahead as it may be: a check that wants less is found out by the control.
    return with_clock(case.host, _reading(case.host)[1] + case.expected.number)


MUTATORS: dict[str, Mutator] = {"max_s": _max_s}
MAKERS: dict[str, Maker] = {"max_s": _make_max_s}
