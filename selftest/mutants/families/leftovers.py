"""What xend left over: domains that libvirt does not know, guests described by S-expressions."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw
from xenproof.facts.leftovers import MANAGED

_END = "end 0"


def with_managed(host: Raw, **texts: str) -> Raw:
    """The host on which xend left exactly these domains, each with its text on one line."""
    paths = {f"{MANAGED}/{name}/config.sxp": text for name, text in texts.items()}
    rows = [*(f"domain {path}" for path in paths), *(f"{path}:{text}" for path, text in paths.items())]
    return host.with_lines("managed", [*rows, _END])


def with_configs(host: Raw, *paths: str) -> Raw:
    """The host with exactly these configurations in SXP form."""
    return host.with_lines("leftovers", ["reader root", *(f"sxp {path}" for path in paths), _END])


def _imported(case: Case) -> Iterator[Mutation]:
    if case.expected.value is not True:
        raise NotPossible("only a profile that promises the domains has something to break")
    lost, dom0 = "(domain (domid 3) (name mutant-guest))", "(domain (domid 0) (name Domain-0))"
    yield Mutation("xend left a domain", with_managed(case.host, a=lost))
    yield Mutation("xend left a domain beside that of dom0", with_managed(case.host, a=dom0, b=lost))


def _found(case: Case) -> Iterator[Mutation]:
    allowed = case.expected.names
    path = next(name for number in range(len(allowed) + 1) if (name := f"/etc/xen/vm/mutant{number}") not in allowed)
    yield Mutation(f"{path} is in SXP form", with_configs(case.host, path))
    yield Mutation(f"{path} is in SXP form, too", with_configs(case.host, *allowed, path))


def _make_imported(case: Case) -> Raw:
    return with_managed(case.host)


def _make_found(case: Case) -> Raw:
    return with_configs(case.host, *case.expected.names)


MUTATORS: dict[str, Mutator] = {"imported": _imported, "found": _found}
MAKERS: dict[str, Maker] = {"imported": _make_imported, "found": _make_found}
