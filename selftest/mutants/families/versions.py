"""Running versions: beyond their range, or not those of the installed package."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from selftest.mutants.bounds import above, inside, outside
from selftest.mutants.families.hypervisor import field, with_field
from selftest.mutants.families.libvirt import daemon, with_daemon
from selftest.mutants.families.modules import built_in_file
from selftest.mutants.families.packages import version_of, with_package, without_package
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw
from selftest.mutants.texts import edit_file, file_lines, move_file
from xenproof.probing.probes import RELEASE
from xenproof.profile.version import in_range

_KERNEL_BUILD = "/proc/sys/kernel/version"
_QEMU = "QEMU emulator version "
_HELP = "qemu-help"
_DELETED = " (deleted)"


class _Running(NamedTuple):
    """How one running program's version is read and written, and all that it says of how it was built."""

    read: Callable[[Raw], str]
    write: Callable[[Raw, str], Raw]
    build: Callable[[Raw], str]


def with_release(host: Raw, release: str) -> Raw:
    """The host that runs another kernel: its release wherever it is printed, and its own folder of modules."""
    host = move_file(host, built_in_file(host), f"/lib/modules/{release}/modules.builtin")
    return with_field(host, "release", release).with_lines("release", [release])


def qemu(host: Raw) -> str:
    """The version that the installed qemu prints."""
    return host.text(_HELP).removeprefix(_QEMU).partition(" ")[0].partition("\n")[0].rstrip(",")


def with_qemu(host: Raw, version: str) -> Raw:
    """The host whose qemu prints this version."""
    return host.with_text(_HELP, host.text(_HELP).replace(_QEMU + qemu(host), _QEMU + version, 1))


_WHAT = {
    "hypervisor": _Running(
        lambda host: field(host, "xen_version"),
        lambda host, version: with_field(host, "xen_version", version),
        lambda host: field(host, "xen_version") + host.text("xl-dmesg"),
    ),
    "kernel": _Running(
        lambda host: field(host, "release"),
        with_release,
        lambda host: "".join(file_lines(host, _KERNEL_BUILD)),
    ),
    "libvirt": _Running(daemon, with_daemon, daemon),
    "qemu": _Running(qemu, with_qemu, lambda host: host.text(_HELP)),
}


def package_name(host: Raw, name: str) -> str:
    """The package's name with the release of the running kernel in it."""
    return name.replace(RELEASE, field(host, "release"))


def _running(case: Case) -> Iterator[Mutation]:
    for why, version in outside(case.expected.text, case.profile.scheme):
        yield Mutation(f"{why} runs: {version}", _WHAT[case.name].write(case.host, version))


def _agrees(case: Case) -> Iterator[Mutation]:
    host, what = case.host, _WHAT[case.name]
    name = package_name(host, case.expected.text)
    installed = version_of(host, name)
    yield Mutation(f"the package {name} is gone", without_package(host, name))
    newer = _next_upstream(what.read(host), installed)
    yield Mutation(f"a newer version is installed: {newer}", with_package(host, name, newer))
    if installed.rpartition(":")[2] in what.build(host):
        # Where the program itself names its package's version, another build is found out as well.
        build = above(installed)
        yield Mutation(f"a newer build is installed: {build}", with_package(host, name, build))
    if case.name == "qemu":
        yield Mutation("the file of a running qemu was replaced", _with_replaced_file(host, "qemu-system-i386"))
    if case.name == "libvirt":
        yield Mutation("the file of the running libvirtd was replaced", _with_replaced_file(host, "libvirtd"))


def _next_upstream(running: str, installed: str) -> str:
    """The installed version with the running program's own part of it one higher."""
    epoch, colon, rest = installed.rpartition(":")
    plain = running.partition("-")[0]
    if not rest.startswith(plain):
        # The kernel's release counts its interface, its package counts upstream's versions.
        plain = rest.partition("-")[0].partition("+")[0]
    return f"{epoch}{colon}{above(plain)}{rest[len(plain) :]}"


def _with_replaced_file(host: Raw, name: str) -> Raw:
    """The host on which such a process runs from a file that an update has replaced."""
    *rows, own = host.lines("processes")
    pid = max(int(row.split()[0]) for row in rows) + 1
    return host.with_lines("processes", [*rows, f"{pid} {name}", f"{pid} /usr/sbin/{name}{_DELETED}", own])


def _make_running(case: Case) -> Raw:
    range_, scheme, what = case.expected.text, case.profile.scheme, _WHAT[case.name]
    now = what.read(case.host)
    if in_range(now, range_, scheme):
        return case.host
    found = inside(range_, scheme)
    flavour = case.profile.get("kernel", "flavour", "is")
    if case.name == "kernel" and "-" not in found and flavour is not None:
        found = f"{found}-{flavour.text}"  # the name of its package holds all of it
    # Only what belongs to a package's build prints its release.
    return what.write(case.host, found if case.name in ("hypervisor", "kernel") else found.partition("-")[0])


def _make_agrees(case: Case) -> Raw:
    name = package_name(case.host, case.expected.text)
    host = case.host
    try:
        installed = version_of(host, name)
    except NotPossible:
        installed = _WHAT[case.name].read(host)
        host = with_package(host, name, installed)
    if case.name == "kernel" and case.profile.scheme == "deb":
        return edit_file(host, _KERNEL_BUILD, lambda _: [f"#1 SMP Debian {installed} (2014-10-01)"])
    if case.name == "kernel":
        if case.profile.get("packages", name, "version") is not None:
            return host  # its release was made of the package's version
        # 3.12.28-4-xen is of the package 3.12.28-4.1
        return with_package(host, name, f"{field(host, 'release').rpartition('-')[0]}.1")
    plain = installed.rpartition(":")[2]
    return _WHAT[case.name].write(host, plain if case.name == "hypervisor" else plain.partition("-")[0])


MUTATORS: dict[str, Mutator] = {"running": _running, "agrees_with": _agrees}
MAKERS: dict[str, Maker] = {"running": _make_running, "agrees_with": _make_agrees}
