"""Leases on a host's memory: no guest starts that the host has no room for, whichever worker starts it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xenproof.errors import GuestError
from xenproof.guest.shared import Shared, Table, is_alive
from xenproof.source.connection import Connection
from xenproof.xen.domains import free_memory_mib

RESERVE_MIB = 128
"""Never leased: Xen's own needs, and what toolstacks take for a moment while they build a domain."""
OVERHEAD_MIB = 8
"""What Xen takes for a small PV guest beyond its memory, rounded up."""
_POLL_S = 0.25


@contextmanager
def leased_memory(dom0: Connection, run_folder: Path, name: str, memory_mib: int, limit_s: float) -> Iterator[None]:
    """Hold `memory_mib` of the host for the guest `name`.

    Waits until other guests of this run give theirs back.  Raises GuestError, which names the holders,
    after `limit_s`, and at once where the host could never have as much.
    """
    shared = Shared(run_folder, dom0.url, "memory")
    need = memory_mib + OVERHEAD_MIB
    deadline = time.monotonic() + limit_s
    while True:
        with shared.held() as table:
            budget = _budget(dom0, table)
            holders = table.setdefault("leases", {})
            for holder in [key for key in holders if not is_alive(key.rpartition(" ")[2])]:
                del holders[holder]  # its worker died; its guest is named by the leak check
            free = budget - sum(map(int, holders.values()))
            if need <= free:
                holders[_key(name)] = str(need)
                break
            held = ", ".join(f"{mib} MiB by {holder.partition(' ')[0]}" for holder, mib in sorted(holders.items()))
        if need > budget:
            raise GuestError(
                f"{name} needs {need} MiB, expected to find them in the {budget} MiB that {dom0.url} has free; "
                "end other guests or lower dom0_mem"
            )
        if time.monotonic() > deadline:
            raise GuestError(
                f"{name} needs {need} MiB, found {free} of {budget} MiB free on {dom0.url} after {limit_s:.0f} s; "
                f"held: {held}"
            )
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        with shared.held() as table:
            table.get("leases", {}).pop(_key(name), None)


def _budget(dom0: Connection, table: Table) -> int:
    """What all guests of this run may hold together, read from the host once."""
    row = table.setdefault("budget", {})
    if "mib" not in row:
        row["mib"] = str(max(0, free_memory_mib(dom0) - RESERVE_MIB))
    return int(row["mib"])


def _key(name: str) -> str:
    return f"{name} {os.getpid()}"
