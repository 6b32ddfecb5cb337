"""Tools that say their version: not there, broken, of another version."""

from collections.abc import Iterator

from selftest.mutants.bounds import inside, outside
from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Raw
from xenproof.probing.probes import section_name

_PROBE = "programs"


def with_answer(host: Raw, name: str, text: str, exit_code: int = 0) -> Raw:
    """The host on which the tool says this."""
    return host.with_text(f"tool:{section_name(name)}", text, exit_code, probe=_PROBE)


def _absent(host: Raw, name: str) -> Raw:
    return with_answer(host, name, f"sh: {name}: command not found\n", exit_code=127)


def _said(version: str) -> str:
    """The version as a tool says it: without a package's release, and with a dot."""
    plain = version.partition("-")[0]
    return f"{plain}\n" if "." in plain else f"{plain}.0\n"


def _runs(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        yield Mutation("the tool runs", with_answer(case.host, case.name, "1.0\n"))
        return
    yield Mutation("the tool is not there", _absent(case.host, case.name))
    broken = "Traceback (most recent call last):\nImportError: No module named libvirt\n"
    yield Mutation("the tool breaks off", with_answer(case.host, case.name, broken, exit_code=1))
    yield Mutation("the tool may not be run", with_answer(case.host, case.name, "Permission denied\n", exit_code=126))


def _version(case: Case) -> Iterator[Mutation]:
    for why, version in outside(case.expected.text, case.profile.scheme):
        yield Mutation(f"{why}: {version}", with_answer(case.host, case.name, _said(version)))


def _make_runs(case: Case) -> Raw:
    return with_answer(case.host, case.name, "1.0\n") if case.expected.value is True else _absent(case.host, case.name)


def _make_version(case: Case) -> Raw:
    return with_answer(case.host, case.name, _said(inside(case.expected.text, case.profile.scheme)))


MUTATORS: dict[str, Mutator] = {"runs": _runs, "version": _version}
MAKERS: dict[str, Maker] = {"runs": _make_runs, "version": _make_version}
