"""Files of packages: another content, gone, or not what was installed in some other way."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw, put

# What each package manager prints of a file whose content differs.
_CONTENT = {"deb": "??5??????   ", "rpm": "S.5......    "}
_MISSING = "missing     "
_VERIFIED = "verified "


def with_difference(case: Case, line: str, path: str) -> Raw:
    """The host whose package manager says this of a file of the package."""
    verified = f"{_VERIFIED}{int(case.profile.scheme == 'rpm')}"
    host = case.host.edited(
        "integrity", lambda old: [*put(old, lambda row: row.startswith(_VERIFIED), verified), f"{line}{path}"]
    )
    # What already differs, such as a file that was configured, still has its owner.
    return host.edited("owners", lambda old: _with_owner(old, case.name, path))


def _with_owner(lines: list[str], package: str, path: str) -> list[str]:
    if package not in lines:
        return [*lines, package, f" {path}"]
    at = lines.index(package) + 1
    return [*lines[:at], f" {path}", *lines[at:]]


def _changed(case: Case) -> Iterator[Mutation]:
    allowed = case.expected.names
    path = next(name for number in range(len(allowed) + 1) if (name := f"/usr/lib/mutant{number}") not in allowed)
    yield Mutation("a file has another content", with_difference(case, _CONTENT[case.profile.scheme], path))
    yield Mutation("a file is gone", with_difference(case, _MISSING, path))
    if case.profile.scheme == "rpm":  # dpkg knows nothing but the content
        for what, marks in {"mode": ".M.......", "user": ".....U...", "link": "....L...."}.items():
            yield Mutation(f"a file has another {what}", with_difference(case, f"{marks}    ", path))


def _make(case: Case) -> Raw:
    """The host whose package manager found nothing that differs."""
    names = case.profile.entries("integrity")
    lines = [case.profile.scheme, *(f"sums {name}" for name in names), f"{_VERIFIED}0"]
    return case.host.with_lines("integrity", lines).with_lines("owners", [])


MUTATORS: dict[str, Mutator] = {"changed": _changed}
MAKERS: dict[str, Maker] = {"changed": _make}
