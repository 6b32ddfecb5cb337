"""Domain-0's share: not fixed, not what the option gives, too small, too large; and a Linux that controls nothing."""

import re
from collections.abc import Iterator

from selftest.mutants.families.boot import HYPERVISOR, everywhere, in_running, running
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.texts import edit_file, without_file
from xenproof.facts.dom0 import SLACK_MIB

_CAPABILITIES = "/proc/xen/capabilities"
_MEMORY, _VCPUS = "dom0_mem=", "dom0_max_vcpus="
# Domain-0                                     0  1024     2     r-----      91.2
_ROW = re.compile(r"(Domain-0 +0 +)(\d+)( +)(\d+)( .*)")


def measured(host: Raw) -> tuple[int, int]:
    """Memory in MiB and vCPUs of Domain-0 as xl lists them."""
    for line in host.lines("xl-list"):
        if found := _ROW.fullmatch(line):
            return int(found[2]), int(found[4])
    raise NotPossible("'xl list' has no Domain-0")


def with_measured(host: Raw, *, mem_mib: int | None = None, vcpus: int | None = None) -> Raw:
    """The host whose Domain-0 has this much memory, or this many vCPUs; None leaves it as it is."""
    memory, number = measured(host)
    memory, number = memory if mem_mib is None else mem_mib, number if vcpus is None else vcpus
    row = rf"\g<1>{memory}\g<3>{number}\g<5>"
    return host.edited("xl-list", lambda lines: [_ROW.sub(row, line) for line in lines])


def with_share(host: Raw, *, mem_mib: int | None = None, vcpus: int | None = None) -> Raw:
    """The host whose options give Domain-0 so much, and that has it."""
    if mem_mib is not None:
        host = everywhere(host, HYPERVISOR, f"{_MEMORY}{mem_mib}M,max:{mem_mib}M")
    if vcpus is not None:
        host = everywhere(host, HYPERVISOR, f"{_VCPUS}{vcpus}")
    return with_measured(host, mem_mib=mem_mib, vcpus=vcpus)


def _option(host: Raw, prefix: str, new: str | None) -> Raw:
    """The host that runs with `new` instead of the option, None for nothing."""
    added = [] if new is None else [new]
    rest = [word for word in running(host, HYPERVISOR) if not word.startswith(prefix)]
    return in_running(host, HYPERVISOR, lambda _: [*rest, *added])


def _pinned(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        new = f"{_MEMORY}1024M,max:1024M" if case.name == "memory" else f"{_VCPUS}2"
        yield Mutation(f"the hypervisor runs with {new}", _option(case.host, new.partition("=")[0] + "=", new))
        return
    prefix = _MEMORY if case.name == "memory" else _VCPUS
    yield Mutation(f"the hypervisor runs without {prefix}", _option(case.host, prefix, None))
    if case.name == "memory":
        for new in map(_MEMORY.__add__, ("min:512M,max:1024M", "max:1024M", "1024M,max:2048M", "-1024M", "25%")):
            yield Mutation(f"the size is not fixed: {new}", _option(case.host, prefix, new))


def _running(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        raise NotPossible("nobody wants a share that differs from its option")
    memory, vcpus = measured(case.host)
    if case.name == "memory":
        given = _given_mib(case.host)
        for size in (given - SLACK_MIB - 1, given + SLACK_MIB + 1):
            yield Mutation(f"Domain-0 has {size} MiB of {given}", with_measured(case.host, mem_mib=size))
        bare = _option(case.host, _MEMORY, f"{_MEMORY}{memory}")
        yield Mutation("the option is a bare number, which is KiB", bare)
        return
    for number in (vcpus - 1, vcpus + 1):
        yield Mutation(f"Domain-0 has {number} vCPUs of {vcpus}", with_measured(case.host, vcpus=number))


def _given_mib(host: Raw) -> int:
    for word in running(host, HYPERVISOR):
        if found := re.match(rf"{_MEMORY}(\d+)([MmGg])", word):
            return int(found[1]) << (10 if found[2] in "Gg" else 0)
    raise NotPossible("dom0_mem gives no size in MiB or GiB")


def _min_mib(case: Case) -> Iterator[Mutation]:
    least = case.expected.number
    if not least:
        raise NotPossible("no memory is less than none")
    yield Mutation(f"Domain-0 has {least - 1} MiB", with_measured(case.host, mem_mib=least - 1))


def _max(case: Case) -> Iterator[Mutation]:
    most = case.expected.number
    yield Mutation(f"Domain-0 has {most + 1} vCPUs", with_measured(case.host, vcpus=most + 1))


def _is(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        yield Mutation("Linux controls Xen", edit_file(case.host, _CAPABILITIES, lambda _: ["control_d"]))
        return
    yield Mutation("Linux was booted without Xen", without_file(case.host, _CAPABILITIES))
    yield Mutation("Linux has no capability, as in a guest", edit_file(case.host, _CAPABILITIES, lambda _: []))
    yield Mutation("Linux has another capability", edit_file(case.host, _CAPABILITIES, lambda _: ["control_x"]))


def _make_pinned(case: Case) -> Raw:
    if case.expected.value is not True:
        return _option(case.host, _MEMORY if case.name == "memory" else _VCPUS, None)
    memory, vcpus = measured(case.host)
    return with_share(case.host, mem_mib=memory) if case.name == "memory" else with_share(case.host, vcpus=vcpus)


def _make_min_mib(case: Case) -> Raw:
    # Exactly as much as is wanted: a check that wants more is found out by the control.
    return with_share(case.host, mem_mib=case.expected.number)


def _make_max(case: Case) -> Raw:
    return with_share(case.host, vcpus=case.expected.number)


def _make_is(case: Case) -> Raw:
    words = ["control_d"] if case.expected.value is True else []
    return edit_file(case.host, _CAPABILITIES, lambda _: words)


MUTATORS: dict[str, Mutator] = {
    "pinned": _pinned,
    "running": _running,
    "min_mib": _min_mib,
    "max": _max,
    "is": _is,
}
MAKERS: dict[str, Maker] = {
    "pinned": _make_pinned,
    "running": _make_pinned,
    "min_mib": _make_min_mib,
    "max": _make_max,
    "is": _make_is,
}
