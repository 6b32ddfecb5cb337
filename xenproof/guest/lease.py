"""Leases on a host's memory and processors: no guest starts that the host has no room for, whoever starts it.

They are kept on the host, so that the workers of one run and several runs know of each other.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files

from xenproof.errors import CommandFailed, GuestError, ParseError
from xenproof.source.connection import Connection, quoted
from xenproof.xen.domains import DomainRow, parse_free_memory, parse_xl_list

RESERVE_MIB = 128
"""Never leased: Xen's own needs, and what toolstacks take for a moment while they build a domain."""
OVERHEAD_MIB = 8
"""What Xen takes for a small PV guest beyond its memory, rounded up."""
VCPUS_PER_CPU = 8
"""More virtual processors on one of the host only wait for each other."""
CLAIMS = "/run/xenproof"
"""The folder on the host, gone with its next start as all guests are."""

_LOCK, _SCRIPT = ((files("xenproof.guest") / name).read_text("utf-8") for name in ("claims.sh", "lease.sh"))
_CLAIM = re.compile(r"claim (\S+) (\d{1,9}) (\d{1,9}) (\d{1,5})\Z")
_CPUS = re.compile(r"^nr_cpus *: *([0-9]{1,5}) *$", re.MULTILINE)
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Claim:
    """What one guest claims: its turn, its MiB with what Xen takes for it, and its virtual processors."""

    name: str
    turn: int
    mib: int
    vcpus: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a host has for guests, and who claims it."""

    free_mib: int
    cpus: int
    claims: tuple[Claim, ...]
    domains: tuple[DomainRow, ...]

    @property
    def all_mib(self) -> int:
        """What all claims may come to: what is free, and what those have of it already that run."""
        names = {claim.name for claim in self.claims}
        taken = sum(row.mem_mib + OVERHEAD_MIB for row in self.domains if row.name in names)
        return max(0, self.free_mib - RESERVE_MIB) + taken

    @property
    def all_vcpus(self) -> int:
        """How many virtual processors all claims may come to."""
        return self.cpus * VCPUS_PER_CPU

    def before(self, name: str) -> tuple[Claim, ...]:
        """The claims whose turn is before that of `name`; raises ParseError where that has none."""
        own = self.claim(name)
        return tuple(claim for claim in self.claims if (claim.turn, claim.name) < (own.turn, name))

    def claim(self, name: str) -> Claim:
        """The claim of `name`; raises ParseError where there is none."""
        for claim in self.claims:
            if claim.name == name:
                return claim
        raise ParseError(f"{name} has no claim among {[claim.name for claim in self.claims]}")

    def has_place(self, name: str) -> bool:
        """Whether it is the turn of `name`."""
        taken = [*self.before(name), self.claim(name)]
        return (
            sum(claim.mib for claim in taken) <= self.all_mib and sum(claim.vcpus for claim in taken) <= self.all_vcpus
        )


def parse_room(text: str) -> Room:
    """What lease.sh printed; raises ParseError where a part is missing or of another shape."""
    listed, found, info = text.partition("\nxl info\n")
    head, listing, domains = f"\n{listed}".partition("\nxl list\n")
    cpus = _CPUS.search(info)
    if not found or not listing or cpus is None:
        raise ParseError(f"expected claims, xl list and xl info, found {text[:300]!r}")
    claims = tuple(_claim(line) for line in head.split("\n") if line)
    return Room(parse_free_memory(info), int(cpus[1]), claims, tuple(parse_xl_list(domains)))


def _claim(line: str) -> Claim:
    if (match := _CLAIM.match(line)) is None:
        raise ParseError(f"expected a claim with turn, MiB and processors, found {line[:200]!r}")
    return Claim(match[1], int(match[2]), int(match[3]), int(match[4]))


@contextmanager
def leased(dom0: Connection, folder: str, name: str, *, memory_mib: int, vcpus: int, limit_s: float) -> Iterator[None]:
    """Hold `memory_mib` and `vcpus` of the host for the guest `name` of the run whose folder on it is `folder`.

    Waits until guests whose turn is before give theirs back.  Raises GuestError, which names the holders, after
    `limit_s`, and at once where the host could never have as much; CommandFailed or ParseError where it does not say.
    """
    words = {"name": name, "mib": str(memory_mib + OVERHEAD_MIB), "vcpus": str(vcpus), "folder": folder}
    deadline = time.monotonic() + limit_s
    try:
        while not (room := parse_room(on_claims(dom0, _SCRIPT, words))).has_place(name):
            _refuse_for_ever(dom0, room, name)
            if time.monotonic() > deadline:
                raise _no_room(dom0, room, name, limit_s)
            time.sleep(_POLL_S)
        yield
    finally:
        dom0.run(f"rm -f -- {quoted(f'{CLAIMS}/{name}')}")


def on_claims(dom0: Connection, script: str, words: Mapping[str, str], claims: str = CLAIMS) -> str:
    """What `script`, with `words` as its variables, prints while it holds the claims on the host for itself.

    Raises CommandFailed where they cannot be kept.
    """
    variables = "".join(f"{key}={quoted(value)}\n" for key, value in {"claims": claims, **words}.items())
    done = dom0.run(f"{variables}{_LOCK}{script}", limit_s=120)
    if done.exit_code:
        raise CommandFailed(f"leases on {dom0.url} cannot be kept: {done.error_text.strip()[-300:]}")
    return done.text


def _refuse_for_ever(dom0: Connection, room: Room, name: str) -> None:
    own = room.claim(name)
    if own.mib > room.all_mib:
        raise GuestError(
            f"{name} needs {own.mib} MiB, expected to find them in the {room.all_mib} MiB that {dom0.url} has for "
            "guests; end other guests or lower dom0_mem"
        )
    if own.vcpus > room.all_vcpus:
        raise GuestError(
            f"{name} needs {own.vcpus} virtual processors, {dom0.url} has {room.all_vcpus} on {room.cpus} processors"
        )


def _no_room(dom0: Connection, room: Room, name: str, limit_s: float) -> GuestError:
    own, before = room.claim(name), room.before(name)
    held = ", ".join(f"{claim.mib} MiB and {claim.vcpus} by {claim.name}" for claim in before)
    free_mib = room.all_mib - sum(claim.mib for claim in before)
    free_vcpus = room.all_vcpus - sum(claim.vcpus for claim in before)
    return GuestError(
        f"{name} needs {own.mib} MiB and {own.vcpus} virtual processors, found {free_mib} of {room.all_mib} MiB and "
        f"{free_vcpus} of {room.all_vcpus} free on {dom0.url} after {limit_s:.0f} s; held: {held or 'none'}"
    )
