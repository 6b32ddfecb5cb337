"""Packages: gone, removed with its configuration left behind, there against the rules, of another version."""

from collections.abc import Iterator

from selftest.mutants.bounds import inside, outside
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw, put, word
from xenproof.profile.version import in_range

_SOME_VERSION = {"deb": "1.0-1", "rpm": "1.0-1.1"}


def with_package(host: Raw, name: str, version: str, status: str = "ii ") -> Raw:
    """The host with the package in this version only."""
    return host.edited("packages", lambda old: put(old, word(1, name, "\t"), f"{status}\t{name}\t{version}"))


def without_package(host: Raw, name: str) -> Raw:
    """The host without the package."""
    return host.edited("packages", lambda old: put(old, word(1, name, "\t")))


def version_of(host: Raw, name: str) -> str:
    """The installed version; raises NotPossible if the package is not there."""
    for line in host.lines("packages"):
        if word(1, name, "\t")(line) and line.startswith("ii"):
            return line.split("\t")[2]
    raise NotPossible(f"the package {name!r} is not installed")


def _installed(case: Case) -> Iterator[Mutation]:
    some = _SOME_VERSION[case.profile.scheme]
    if case.expected.value is not True:
        yield Mutation("the package is installed", with_package(case.host, case.name, some))
        return
    yield Mutation("the package is gone", without_package(case.host, case.name))
    if case.profile.scheme == "deb":
        left = with_package(case.host, case.name, version_of(case.host, case.name), "rc ")
        yield Mutation("the package was removed, its configuration is left", left)
        half = with_package(case.host, case.name, version_of(case.host, case.name), "iF ")
        yield Mutation("the package could not be configured", half)
    similar = with_package(without_package(case.host, case.name), f"{case.name}-mutant", some)
    yield Mutation("a package of a similar name is installed instead", similar)


def _version(case: Case) -> Iterator[Mutation]:
    for why, version in outside(case.expected.text, case.profile.scheme):
        yield Mutation(f"{why}: {version}", with_package(case.host, case.name, version))


def _make_installed(case: Case) -> Raw:
    if case.expected.value is not True:
        return without_package(case.host, case.name)
    try:
        version_of(case.host, case.name)
    except NotPossible:
        return with_package(case.host, case.name, _SOME_VERSION[case.profile.scheme])
    return case.host


def _make_version(case: Case) -> Raw:
    range_, scheme = case.expected.text, case.profile.scheme
    try:
        if in_range(version_of(case.host, case.name), range_, scheme):
            return case.host
    except NotPossible:
        pass
    return with_package(case.host, case.name, inside(range_, scheme))


MUTATORS: dict[str, Mutator] = {"installed": _installed, "version": _version}
MAKERS: dict[str, Maker] = {"installed": _make_installed, "version": _make_version}
