"""Mounts: nothing mounted, something mounted against the rules, another file system, read-only."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw, Test, word
from selftest.mutants.texts import edit_file, file_lines

_MOUNTS = "/proc/mounts"


def holding(host: Raw, path: str) -> list[str]:
    """The words of the mount that holds the path: the longest of its folders, and of these the last."""
    rows = [line.split() for line in file_lines(host, _MOUNTS)]
    rows = [row for row in rows if row[1] == "/" or f"{path}/".startswith(f"{row[1]}/")]
    if not rows:
        raise NotPossible(f"no mount holds {path}")
    return max(reversed(rows), key=lambda row: len(row[1]))


def with_mount(host: Raw, path: str, filesystem: str, options: str = "rw,relatime") -> Raw:
    """The host with this mounted on the path, over whatever was there."""
    return edit_file(host, _MOUNTS, lambda lines: [*lines, f"/dev/sdb1 {path} {filesystem} {options} 0 0"])


def without_mount(host: Raw, path: str) -> Raw:
    """The host with nothing mounted on the path itself."""
    on_it: Test = word(1, path)
    return edit_file(host, _MOUNTS, lambda lines: [line for line in lines if not on_it(line)])


def _mounted(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        gone = without_mount(case.host, case.name)
        yield Mutation("nothing is mounted there", gone)
        yield Mutation("something is mounted below it only", with_mount(gone, f"{case.name.rstrip('/')}/x", "tmpfs"))
    else:
        yield Mutation("something is mounted there", with_mount(case.host, case.name, "tmpfs"))


def _filesystem(case: Case) -> Iterator[Mutation]:
    for kind in ("tmpfs", "vfat", "mutantfs"):
        if kind not in case.expected.names:
            yield Mutation(f"it is on {kind}", with_mount(case.host, case.name, kind))


def _writable(case: Case) -> Iterator[Mutation]:
    _, path, kind, options, *_ = holding(case.host, case.name)
    old, new = ("rw", "ro") if case.expected.value is True else ("ro", "rw")
    changed = ",".join(new if option == old else option for option in options.split(","))
    yield Mutation(f"{path} is mounted {new}", with_mount(case.host, path, kind, changed))
    yield Mutation(f"a file system is mounted {new} there", with_mount(case.host, case.name, "ext4", f"{new},relatime"))


def _make_mounted(case: Case) -> Raw:
    gone = without_mount(case.host, case.name)
    return with_mount(gone, case.name, "ext4") if case.expected.value is True else gone


def _make_filesystem(case: Case) -> Raw:
    _, path, _, options, *_ = holding(case.host, case.name)
    return with_mount(without_mount(case.host, path), path, case.expected.names[0], options)


def _make_writable(case: Case) -> Raw:
    _, path, kind, *_ = holding(case.host, case.name)
    return with_mount(without_mount(case.host, path), path, kind, "rw" if case.expected.value is True else "ro")


MUTATORS: dict[str, Mutator] = {"mounted": _mounted, "filesystem": _filesystem, "writable": _writable}
MAKERS: dict[str, Maker] = {"mounted": _make_mounted, "filesystem": _make_filesystem, "writable": _make_writable}
