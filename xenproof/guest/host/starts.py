"""How many guests are created at once on a host that this machine starves: as many as it gets processors.

libxl's time limits are for the work that dom0 has with a new guest: its scripts, its backends, its qemu.  The boot of a
guest has only the limits of the suite, which are long.  Where a host gets its processors, nothing is limited.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xenproof.guest.host.shared_table import SharedTable, Table, is_alive
from xenproof.results.host_load import HostLoad
from xenproof.run.processor_time import ProcessorClock

NO_LIMIT = 1 << 16
TURN_LIMIT_S = 180.0
"""A turn that does not come is no reason to create no guest."""
_POLL_S = 0.5
_LEAST_S = 2.0  # of a shorter span, the figures say little


class Starts:
    """The guests that are being created on one lab host, by all workers of a run, which share `run_folder`."""

    def __init__(self, run_folder: Path, host: str, read: Callable[[], ProcessorClock | None]) -> None:
        """`read` returns the counters of the host's QEMU, None where there are none: then nothing is limited."""
        self._table = SharedTable(run_folder, host, "starts")
        self._read = read
        self._before = read()
        self._at_once = NO_LIMIT

    def at_once(self) -> int:
        """How many guests may be created at once, by what the host got since the last call, or since this was made."""
        now = self._read()
        if now is not None and self._before is not None and now.at_s >= self._before.at_s + _LEAST_S:
            span = now.since(self._before)
            starved = HostLoad(span.seconds, span.ran_s, span.denied_s).starved
            self._at_once = max(1, round(span.ran_s / span.seconds)) if starved else NO_LIMIT
            self._before = now
        return self._at_once

    @contextmanager
    def turn(self, name: str, limit_s: float = TURN_LIMIT_S) -> Iterator[None]:
        """Create the guest `name` during the context; waits for its turn, but at most `limit_s`."""
        deadline = time.monotonic() + limit_s
        while not self._takes(name, at_any_rate=time.monotonic() >= deadline):
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            with self._table.held() as table:
                table.pop(name, None)

    def _takes(self, name: str, *, at_any_rate: bool) -> bool:
        """Whether `name` has its turn now."""
        with self._table.held() as table:
            _drop_dead(table)
            if len(table) >= self.at_once() and not at_any_rate:
                return False
            table[name] = {"process": str(os.getpid())}
            return True


def _drop_dead(table: Table) -> None:
    for name in [name for name, row in table.items() if not is_alive(row["process"])]:
        del table[name]
