"""Files: gone, there against the rules, of another type, mode or owner."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw, put
from xenproof.probing.probes import RELEASE

_TYPES = {"file": 0x8000, "directory": 0x4000, "symlink": 0xA000, "socket": 0xC000}
_ROOT = "root:root"


def real_path(host: Raw, path: str) -> str:
    """The path with the release of the running kernel in it."""
    return path.replace(RELEASE, host.text("release").strip())


def with_path(host: Raw, path: str, mode: int, owner: str = _ROOT) -> Raw:
    """The host with something of this mode, type included, and owner at the path."""
    path = real_path(host, path)
    host = host.edited("stat-list", lambda old: put(old, lambda line: _names(line, path), f"there {path}"))
    row = f"{mode:x} {owner} {path}"
    return host.edited("stat", lambda old: put(old, lambda line: line.endswith(f" {path}"), row))


def without_path(host: Raw, path: str) -> Raw:
    """The host with nothing at the path, which was looked for."""
    path = real_path(host, path)
    host = host.edited("stat-list", lambda old: put(old, lambda line: _names(line, path), f"missing {path}"))
    return host.edited("stat", lambda old: put(old, lambda line: line.endswith(f" {path}")))


def mode_and_owner(host: Raw, path: str) -> tuple[int, str]:
    """Mode with type, and owner; raises NotPossible if nothing is there."""
    path = real_path(host, path)
    for line in host.lines("stat"):
        mode, owner, found = line.split(" ", 2)
        if found == path:
            return int(mode, 16), owner
    raise NotPossible(f"nothing is at {path}")


def _names(line: str, path: str) -> bool:
    return line.partition(" ")[2] == path


def _exists(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        yield Mutation("nothing is there", without_path(case.host, case.name))
        return
    for kind in ("file", "directory"):
        yield Mutation(f"a {kind} is there", with_path(case.host, case.name, _TYPES[kind] | 0o644))


def _type(case: Case) -> Iterator[Mutation]:
    mode, owner = mode_and_owner(case.host, case.name)
    for kind, bits in _TYPES.items():
        if kind != case.expected.text:
            yield Mutation(f"it is a {kind}", with_path(case.host, case.name, bits | mode & 0o7777, owner))


def _mode(case: Case) -> Iterator[Mutation]:
    mode, owner = mode_and_owner(case.host, case.name)
    for bit in (1 << number for number in range(12)):
        yield Mutation(f"its mode is {mode & 0o7777 ^ bit:04o}", with_path(case.host, case.name, mode ^ bit, owner))


def _owner(case: Case) -> Iterator[Mutation]:
    mode, owner = mode_and_owner(case.host, case.name)
    user, _, group = owner.partition(":")
    yield Mutation("it belongs to another user", with_path(case.host, case.name, mode, f"nobody:{group}"))
    yield Mutation("it belongs to another group", with_path(case.host, case.name, mode, f"{user}:nogroup"))


def _make_exists(case: Case) -> Raw:
    if case.expected.value is not True:
        return without_path(case.host, case.name)
    return with_path(case.host, case.name, *_now(case))


def _make_type(case: Case) -> Raw:
    mode, owner = _now(case)
    return with_path(case.host, case.name, _TYPES[case.expected.text] | mode & 0o7777, owner)


def _make_mode(case: Case) -> Raw:
    mode, owner = _now(case)
    return with_path(case.host, case.name, mode & ~0o7777 | int(case.expected.text, 8), owner)


def _make_owner(case: Case) -> Raw:
    return with_path(case.host, case.name, _now(case)[0], case.expected.text)


def _now(case: Case) -> tuple[int, str]:
    try:
        return mode_and_owner(case.host, case.name)
    except NotPossible:
        return _TYPES["file"] | 0o644, _ROOT


MUTATORS: dict[str, Mutator] = {"exists": _exists, "type": _type, "mode": _mode, "owner": _owner}
MAKERS: dict[str, Maker] = {
    "exists": _make_exists,
    "type": _make_type,
    "mode": _make_mode,
    "owner": _make_owner,
}
