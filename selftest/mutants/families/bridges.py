"""Bridges: gone, plain interfaces, down, without a port of the host's own."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw, put, word

_UP, _DOWN = "0x1003", "0x1002"


def with_interface(host: Raw, name: str, *rest: str) -> Raw:
    """The host with the interface in this shape: its kind, its flags and its ports."""
    return host.edited("bridges", lambda old: put(old, word(0, name), " ".join((name, *rest))))


def _bridge(case: Case) -> list[str]:
    for line in case.host.lines("bridges"):
        if word(0, case.name)(line) and word(1, "bridge")(line):
            return line.split()[1:]
    raise NotPossible(f"there is no bridge {case.name!r}")


def _exists(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        yield Mutation("the bridge is there", with_interface(case.host, case.name, "bridge", _UP))
        return
    gone = case.host.edited("bridges", lambda old: put(old, word(0, case.name)))
    yield Mutation("there is no interface of that name", gone)
    yield Mutation("the interface is no bridge", with_interface(case.host, case.name, "plain", _UP))


def _up(case: Case) -> Iterator[Mutation]:
    flags, done = (_DOWN, "down") if case.expected.value is True else (_UP, "up")
    yield Mutation(f"the bridge is {done}", with_interface(case.host, case.name, "bridge", flags, *_bridge(case)[2:]))


def _has_port(case: Case) -> Iterator[Mutation]:
    flags = _bridge(case)[1]
    if case.expected.value is not True:
        yield Mutation("the bridge has a port", with_interface(case.host, case.name, "bridge", flags, "eth0"))
        return
    yield Mutation("the bridge has no port", with_interface(case.host, case.name, "bridge", flags))
    guests = with_interface(case.host, case.name, "bridge", flags, "vif1.0", "vif1.0-emu", "tap2.0")
    yield Mutation("only guests are in the bridge", guests)


def _make_exists(case: Case) -> Raw:
    if case.expected.value is not True:
        return case.host.edited("bridges", lambda old: put(old, word(0, case.name)))
    return with_interface(case.host, case.name, *_now(case))


def _make_up(case: Case) -> Raw:
    kind, _, *ports = _now(case)
    return with_interface(case.host, case.name, kind, _UP if case.expected.value is True else _DOWN, *ports)


def _make_has_port(case: Case) -> Raw:
    ports = ["eth0"] if case.expected.value is True else []
    return with_interface(case.host, case.name, *_now(case)[:2], *ports)


def _now(case: Case) -> list[str]:
    try:
        return _bridge(case)
    except NotPossible:
        return ["bridge", _UP, "eth0"]


MUTATORS: dict[str, Mutator] = {"exists": _exists, "up": _up, "has_port": _has_port}
MAKERS: dict[str, Maker] = {"exists": _make_exists, "up": _make_up, "has_port": _make_has_port}
