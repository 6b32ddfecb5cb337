"""Directories for images: another file system, less room, a part of snapshots."""

import re
from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, NotPossible, Raw, put, word

_KIB = 1024
_HEADER = "Filesystem     Type 1024-blocks   Used Available Capacity Mounted on"
# /dev/sda1      ext4     4045536 916200   2903288      24% /
_ROW = re.compile(r"(\S+ +)(\S+)( +\d+ +\d+ +)(\d+)( .*)")
_BTRFS = "btrfs"
_OTHERS = ("tmpfs", "vfat", "mutantfs")


def with_folder(host: Raw, path: str, filesystem: str | None = None, free_kib: int | None = None) -> Raw:
    """The host with the directory on such a file system, or with that much room; None leaves it as it is."""
    listed = [line.removeprefix("there ") for line in host.lines("df-list") if line.startswith("there ")]
    if path not in listed:
        raise NotPossible(f"there is no directory {path}")

    def change(lines: Lines) -> Lines:
        row = _ROW.fullmatch(lines[1 + listed.index(path)])
        if row is None:
            raise NotPossible(f"'df' has no row for {path}")
        before, kind, sizes, free, rest = row.groups()
        new = f"{before}{filesystem or kind}{sizes}{free if free_kib is None else free_kib}{rest}"
        return [new if at == 1 + listed.index(path) else line for at, line in enumerate(lines)]

    return host.edited("df", change)


def add_folder(host: Raw, path: str) -> Raw:
    """The host with the directory, on a file system of its own."""
    there = f"there {path}"
    if there in host.lines("df-list"):
        return host
    host = host.edited("df-list", lambda old: [*put(old, lambda line: line.endswith(f" {path}")), there])
    rows = host.lines("df") or [_HEADER]
    return host.with_lines("df", [*rows, f"/dev/sdb1      ext4     4045536 916200   2903288      24% {path}"])


def _filesystem(case: Case) -> Iterator[Mutation]:
    for kind in _OTHERS:
        if kind not in case.expected.names:
            yield Mutation(f"it is on {kind}", with_folder(case.host, case.name, filesystem=kind))


def _free_mib(case: Case) -> Iterator[Mutation]:
    least = case.expected.number
    if not least:
        raise NotPossible("no room is less than none")
    free = (least - 1) * _KIB
    yield Mutation(f"it has room for {least - 1} MiB", with_folder(case.host, case.name, free_kib=free))
    almost = least * _KIB - 1
    yield Mutation(f"it lacks one KiB to {least} MiB", with_folder(case.host, case.name, free_kib=almost))
    yield Mutation("it is full", with_folder(case.host, case.name, free_kib=0))


def with_device(host: Raw, path: str, device: str) -> Raw:
    """The host with the directory on the device of this number, as each btrfs subvolume has one of its own."""
    return host.edited("image-devices", lambda old: put(old, word(1, path, " "), f"{device} {path}"))


def with_flags(host: Raw, path: str, flags: str) -> Raw:
    """The host with these flags on the directory, as lsattr prints them."""
    return host.edited("image-flags", lambda old: put(old, word(1, path, " "), f"{flags} {path}"))


def _root_device(host: Raw) -> str:
    return next(line.split(" ")[0] for line in host.lines("image-devices") if line.endswith(" /"))


def _snapshot_free(case: Case) -> Iterator[Mutation]:
    on_btrfs = with_folder(case.host, case.name, filesystem=_BTRFS)
    inside = with_device(on_btrfs, case.name, _root_device(case.host))
    plain = with_flags(inside, case.name, "-" * 22)
    if case.expected.value is not True:
        yield Mutation("it is a subvolume of its own", with_device(plain, case.name, "77"))
        return
    yield Mutation("it is in the subvolume of /", plain)
    elsewhere = with_flags(plain, f"{case.name}.old", f"{'-' * 15}C{'-' * 6}")
    yield Mutation("only another directory is without copy-on-write", elsewhere)


def _make_filesystem(case: Case) -> Raw:
    return with_folder(add_folder(case.host, case.name), case.name, filesystem=case.expected.names[0])


def _make_free_mib(case: Case) -> Raw:
    # Exactly as much as is wanted: a check that wants more is found out by the control.
    return with_folder(add_folder(case.host, case.name), case.name, free_kib=case.expected.number * _KIB)


def _make_snapshot_free(case: Case) -> Raw:
    host = add_folder(case.host, case.name)
    if case.expected.value is True:
        return with_device(host, case.name, "77")
    host = with_device(with_folder(host, case.name, filesystem=_BTRFS), case.name, _root_device(host))
    return with_flags(host, case.name, "-" * 22)


MUTATORS: dict[str, Mutator] = {
    "filesystem": _filesystem,
    "free_mib": _free_mib,
    "snapshot_free": _snapshot_free,
}
MAKERS: dict[str, Maker] = {
    "filesystem": _make_filesystem,
    "free_mib": _make_free_mib,
    "snapshot_free": _make_snapshot_free,
}
