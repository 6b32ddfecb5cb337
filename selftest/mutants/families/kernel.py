"""The kernel: of another flavour, or of the other kind."""

from collections.abc import Iterator

from selftest.mutants.families.versions import with_release
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put
from selftest.mutants.texts import edit_file

_FILESYSTEMS = "/proc/filesystems"
_XENFS = "nodev\txenfs"


def is_pvops(host: Raw) -> bool:
    """Whether the kernel knows xenfs, as Linux's own Xen support does."""
    return any(line.endswith(f":{_XENFS}") for line in host.lines("text"))


def with_kind(host: Raw, kind: str) -> Raw:
    """The host whose kernel is "pvops" or "xenlinux"."""
    new = [_XENFS] if kind == "pvops" else []
    return edit_file(host, _FILESYSTEMS, lambda lines: put(lines, lambda line: line == _XENFS, *new))


def _is(case: Case) -> Iterator[Mutation]:
    if case.name == "kind":
        other = "xenlinux" if case.expected.text == "pvops" else "pvops"
        yield Mutation(f"the kernel is {other}", with_kind(case.host, other))
        return
    before = case.host.text("release").strip().rpartition("-")[0]
    bare = before.partition("-")[0]
    yield Mutation("the kernel has no flavour, as one that was built by hand", with_release(case.host, bare))
    for flavour in ("mutant", f"{case.expected.text}-mutant", f"{case.expected.text}x"):
        yield Mutation(f"the kernel's flavour is {flavour}", with_release(case.host, f"{before}-{flavour}"))


def _make_is(case: Case) -> Raw:
    if case.name == "kind":
        return with_kind(case.host, case.expected.text)
    return with_release(case.host, f"{case.host.text('release').strip().rpartition('-')[0]}-{case.expected.text}")


MUTATORS: dict[str, Mutator] = {"is": _is}
MAKERS: dict[str, Maker] = {"is": _make_is}
