"""Identity of a process: its number alone may belong to another process by now."""

from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its number and its start time in seconds since the epoch, as the kernel reports it."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The identity of the running process `pid`; raises psutil.NoSuchProcess if there is none."""
        return cls(pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self._process() is not None

    def kill(self, patience_s: float = 10.0) -> None:
        """Kill this very process, if it still runs, and wait until it is gone."""
        if (process := self._process()) is not None:
            process.kill()
            psutil.wait_procs([process], timeout=patience_s)

    def wait_until_gone(self, limit_s: float) -> None:
        """Wait until this very process has ended, but at most `limit_s`."""
        if (process := self._process()) is not None:
            psutil.wait_procs([process], timeout=limit_s)

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 0.05
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None
