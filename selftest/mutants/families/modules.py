"""Kernel modules: not there, or there against the rules."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import Lines, Raw
from selftest.mutants.texts import edit_file

LOADED = "/proc/modules"


def built_in_file(host: Raw) -> str:
    """The list of what is built into the running kernel."""
    return f"/lib/modules/{host.text('release').strip()}/modules.builtin"


def _same(one: str, other: str) -> bool:
    return one.replace("-", "_") == other.replace("-", "_")


def without_module(host: Raw, name: str) -> Raw:
    """The host whose kernel has the module neither loaded nor built in."""

    def unloaded(lines: Lines) -> Lines:
        return [line for line in lines if not _same(line.split()[0], name)]

    def not_built(lines: Lines) -> Lines:
        return [line for line in lines if not _same(line.rpartition("/")[2].removesuffix(".ko"), name)]

    return edit_file(edit_file(host, LOADED, unloaded), built_in_file(host), not_built)


def with_module(host: Raw, name: str) -> Raw:
    """The host with the module loaded."""
    row = f"{name.replace('-', '_')} 16384 0 - Live 0xffffffffc0000000"
    return edit_file(without_module(host, name), LOADED, lambda lines: [*lines, row])


def with_module_built_in(host: Raw, name: str) -> Raw:
    """The host with the module built into its kernel."""
    row = f"kernel/drivers/xen/{name}.ko"
    return edit_file(without_module(host, name), built_in_file(host), lambda lines: [*lines, row])


def _loaded(case: Case) -> Iterator[Mutation]:
    if case.expected.value is True:
        gone = without_module(case.host, case.name)
        yield Mutation("the kernel has no such module", gone)
        yield Mutation("the kernel has one of a similar name instead", with_module(gone, f"{case.name}_x"))
        return
    yield Mutation("the module is loaded", with_module(case.host, case.name))
    yield Mutation("the module is built into the kernel", with_module_built_in(case.host, case.name))


def _make_loaded(case: Case) -> Raw:
    return (with_module if case.expected.value is True else without_module)(case.host, case.name)


MUTATORS: dict[str, Mutator] = {"loaded": _loaded}
MAKERS: dict[str, Maker] = {"loaded": _make_loaded}
