"""Leases on a host's memory and processors: no run starts a guest for which the host has no capacity.

They are stored on the host, so that they hold between the workers of one run and between several runs.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

from xenproof.errors import CommandFailed, GuestError, ParseError
from xenproof.plain import first_lines
from xenproof.source.connection import Connection, quoted
from xenproof.xen.domains import DomainRow, parse_free_memory, parse_xl_list

RESERVE_MIB = 128
"""Memory that is never leased: for Xen itself, and for toolstacks while they build a domain."""
OVERHEAD_MIB = 8
"""The memory that Xen needs for a small PV guest beyond the guest's own, rounded up."""
VCPUS_PER_CPU = 8
"""The most virtual processors leased for each processor of the host: more would only wait for each other."""
LEASES = "/run/xenproof"
"""The folder of the leases on the host; a reboot clears it, as it ends all guests."""

_LOCK, _SCRIPT = ((files("xenproof.guest.host") / name).read_text("utf-8") for name in ("lease_lock.sh", "lease.sh"))
_REQUEST = re.compile(r"request (\S+) (\d{1,9}) (\d{1,9}) (\d{1,5})\Z")
_CPUS = re.compile(r"^nr_cpus *: *([0-9]{1,5}) *$", re.MULTILINE)
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """The request of one guest: its turn, its MiB including OVERHEAD_MIB, and its virtual processors."""

    name: str
    turn: int
    mib: int
    vcpus: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The capacity of a host for guests, the requests for it, and the domains."""

    free_mib: int
    cpus: int
    requests: tuple[LeaseRequest, ...]
    domains: tuple[DomainRow, ...]

    @property
    def all_mib(self) -> int:
        """The memory for all requests: the free memory, and that of the requesting guests that run already."""
        names = {request.name for request in self.requests}
        taken = sum(row.mem_mib + OVERHEAD_MIB for row in self.domains if row.name in names)
        return max(0, self.free_mib - RESERVE_MIB) + taken

    @property
    def all_vcpus(self) -> int:
        """The number of virtual processors for all requests."""
        return self.cpus * VCPUS_PER_CPU

    def before(self, name: str) -> tuple[LeaseRequest, ...]:
        """The requests whose turn is before that of `name`; raises ParseError where `name` has no request."""
        own = self.request(name)
        return tuple(request for request in self.requests if (request.turn, request.name) < (own.turn, name))

    def request(self, name: str) -> LeaseRequest:
        """The request of `name`; raises ParseError where there is none."""
        for request in self.requests:
            if request.name == name:
                return request
        raise ParseError(f"{name} has no lease request among {[request.name for request in self.requests]}")

    def grants(self, name: str) -> bool:
        """Whether the capacity suffices for `name` and all requests before it."""
        taken = [*self.before(name), self.request(name)]
        return (
            sum(request.mib for request in taken) <= self.all_mib
            and sum(request.vcpus for request in taken) <= self.all_vcpus
        )


def parse_capacity(text: str) -> Capacity:
    """The capacity in the output of lease.sh; raises ParseError where a part is missing or of another shape."""
    listed, found, info = text.partition("\nxl info\n")
    head, listing, domains = f"\n{listed}".partition("\nxl list\n")
    cpus = _CPUS.search(info)
    if not found or not listing or cpus is None:
        raise ParseError(f"expected lease requests, xl list and xl info, found {text[:300]!r}")
    requests = tuple(_request(line) for line in head.split("\n") if line)
    return Capacity(parse_free_memory(info), int(cpus[1]), requests, tuple(parse_xl_list(domains)))


def _request(line: str) -> LeaseRequest:
    if (match := _REQUEST.match(line)) is None:
        raise ParseError(f"expected a lease request with turn, MiB and processors, found {line[:200]!r}")
    return LeaseRequest(match[1], int(match[2]), int(match[3]), int(match[4]))


@contextmanager
def leased(dom0: Connection, folder: str, name: str, *, memory_mib: int, vcpus: int, limit_s: float) -> Iterator[None]:
    """Hold `memory_mib` and `vcpus` of the host for the guest `name` of the run whose folder on it is `folder`.

    Waits until enough guests whose turn is before release theirs.  Raises GuestError, which names the holders, after
    `limit_s`, and at once where the host can never have as much; CommandFailed or ParseError where the host's output
    cannot be read.
    """
    words = {"name": name, "mib": str(memory_mib + OVERHEAD_MIB), "vcpus": str(vcpus), "folder": folder}
    deadline = time.monotonic() + limit_s
    try:
        while not (capacity := parse_capacity(on_leases(dom0, _SCRIPT, words))).grants(name):
            _refuse_for_ever(dom0, capacity, name)
            if time.monotonic() > deadline:
                raise _no_capacity(dom0, capacity, name, limit_s)
            time.sleep(_POLL_S)
        yield
    finally:
        dom0.run(f"rm -f -- {quoted(f'{LEASES}/{name}')}")


def on_leases(dom0: Connection, script: str, words: Mapping[str, str], leases: str = LEASES) -> str:
    """The output of `script`, which runs with `words` as its variables while it locks the leases on the host.

    Raises CommandFailed where leases cannot be stored.
    """
    variables = "".join(f"{key}={quoted(value)}\n" for key, value in {"leases": leases, **words}.items())
    done = dom0.run(f"{variables}{_LOCK}{script}", limit_s=120)
    if done.exit_code:
        raise CommandFailed(f"leases on {dom0.url} cannot be kept: {first_lines(done.error_text, 300)}")
    return done.text


def _refuse_for_ever(dom0: Connection, capacity: Capacity, name: str) -> None:
    own = capacity.request(name)
    if own.mib > capacity.all_mib:
        raise GuestError(
            f"{name} needs {own.mib} MiB, expected to find them in the {capacity.all_mib} MiB that {dom0.url} has for "
            "guests; end other guests or lower dom0_mem"
        )
    if own.vcpus > capacity.all_vcpus:
        raise GuestError(
            f"{name} needs {own.vcpus} virtual processors, {dom0.url} has {capacity.all_vcpus} on {capacity.cpus} "
            "processors"
        )


def _no_capacity(dom0: Connection, capacity: Capacity, name: str, limit_s: float) -> GuestError:
    own, before = capacity.request(name), capacity.before(name)
    held = ", ".join(f"{request.mib} MiB and {request.vcpus} by {request.name}" for request in before)
    free_mib = capacity.all_mib - sum(request.mib for request in before)
    free_vcpus = capacity.all_vcpus - sum(request.vcpus for request in before)
    return GuestError(
        f"{name} needs {own.mib} MiB and {own.vcpus} virtual processors, found {free_mib} of {capacity.all_mib} MiB "
        f"and {free_vcpus} of {capacity.all_vcpus} free on {dom0.url} after {limit_s:.0f} s; held: {held or 'none'}"
    )
