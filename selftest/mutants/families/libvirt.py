"""libvirt: not reached, with another driver, without dom0."""

from collections.abc import Iterator

from selftest.mutants.mutation import Case, Maker, Mutation, Mutator
from selftest.mutants.raw import NotPossible, Raw, put

_ERRORS = "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run/libvirt-sock'\n"
_RULE = "----"
_DOM0 = " 0    Domain-0   running"


def with_driver(host: Raw, name: str) -> Raw:
    """The host whose libvirt uses this driver."""
    version = next((line.split()[-1] for line in host.lines("virsh") if line.startswith("Using API:")), "1.0")
    return _with_line(host, "Using API:", f"Using API: {name} {version}")


def with_daemon(host: Raw, version: str) -> Raw:
    """The host whose daemon is of this version."""
    return _with_line(host, "Running against daemon:", f"Running against daemon: {version}")


def daemon(host: Raw) -> str:
    """The version of the daemon; raises NotPossible if virsh does not say it."""
    for line in host.lines("virsh"):
        if line.startswith("Running against daemon:"):
            return line.split()[-1]
    raise NotPossible("virsh names no daemon")


def with_domains(host: Raw, *rows: str) -> Raw:
    """The host whose libvirt lists exactly these domains."""
    lines = host.lines("virsh")
    at = next((number for number, line in enumerate(lines) if line.startswith(_RULE)), None)
    if at is None:
        raise NotPossible("virsh lists no domains")
    return host.with_lines("virsh", [*lines[: at + 1], *rows, ""])


def _with_line(host: Raw, prefix: str, new: str) -> Raw:
    return host.edited("virsh", lambda old: put(old, lambda line: line.startswith(prefix), new))


def _is(case: Case) -> Iterator[Mutation]:
    if case.name == "driver":
        for name in ("QEMU", f"{case.expected.text}x"):
            yield Mutation(f"libvirt's driver is {name}", with_driver(case.host, name))
        return
    if case.expected.value is not True:
        if case.name != "dom0_listed":
            raise NotPossible("a libvirt that must not connect has nothing to break")
        yield Mutation("libvirt lists domain 0", with_domains(case.host, _DOM0))
    elif case.name == "connects":
        yield Mutation("virsh does not connect", case.host.with_text("virsh", _ERRORS, exit_code=1))
    else:
        yield Mutation("libvirt lists no domain", with_domains(case.host))
        yield Mutation("libvirt lists a guest only", with_domains(case.host, " 1    guest1     running"))
        yield Mutation("libvirt knows dom0 as one that is off", with_domains(case.host, " -    Domain-0   shut off"))


def _make(case: Case) -> Raw:
    if case.name == "driver":
        return with_driver(case.host, case.expected.text)
    if case.name == "dom0_listed":
        return with_domains(case.host, *([_DOM0] if case.expected.value is True else []))
    if case.expected.value is not True:
        return case.host.with_text("virsh", _ERRORS, exit_code=1)
    return case.host


MUTATORS: dict[str, Mutator] = {"is": _is}
MAKERS: dict[str, Maker] = {"is": _make}
