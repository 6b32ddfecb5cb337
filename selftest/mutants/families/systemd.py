"""Systemd as a whole: a failed unit, another state."""

from collections.abc import Callable, Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put, word

_BROKEN = "mutant.service"
_UP = ("multi-user.target", "graphical.target")


def with_state(host: Raw, unit: str, active: str) -> Raw:
    """The host with the unit listed in this state."""
    mark = "*" if active == "failed" else " "
    row = f"{mark} {unit} loaded {active} {'failed' if active == 'failed' else 'active'} Changed by a mutation"
    return host.edited("list-units", lambda old: put(old, _lists(unit), row))


def _lists(unit: str) -> Callable[[str], bool]:
    # A mark may stand before the name.
    return lambda line: word(0, unit)(line) or (not line[:1].isalnum() and word(1, unit)(line))


def _maintenance(host: Raw) -> Raw:
    return with_state(host, "emergency.target", "active")


def _starting(host: Raw) -> Raw:
    for unit in _UP:
        host = with_state(host, unit, "inactive")
    return host


def _degraded(host: Raw) -> Raw:
    return with_state(host, _BROKEN, "failed")


_STATES: dict[str, Callable[[Raw], Raw]] = {
    "maintenance": _maintenance,
    "starting": _starting,
    "degraded": _degraded,
}


def _state(case: Case) -> Iterator[Mutation]:
    for state, change in _STATES.items():
        if state not in case.expected.names:
            yield Mutation(f"systemd is {state}", change(case.host))


def _failed(case: Case) -> Iterator[Mutation]:
    yield Mutation("one more unit has failed", with_state(case.host, _BROKEN, "failed"))


def _make_state(case: Case) -> Raw:
    host = with_state(case.host, _UP[0], "active")
    return host if "running" in case.expected.names else _STATES[case.expected.names[0]](host)


def _make_failed(case: Case) -> Raw:
    return case.host


MUTATORS: dict[str, Mutator] = {"state": _state, "failed": _failed}
MAKERS: dict[str, Maker] = {"state": _make_state, "failed": _make_failed}
