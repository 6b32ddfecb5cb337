"""The load of the host of a check, and what it means for a failure.

A time limit that passes on a host that gets no processor proves nothing about the host: such a failure is an error.
The figures are read here of the QEMU of a lab host, which this machine may starve, and of dom0 on any other live host,
whose failures stay failures: how busy it is belongs to it.
"""

import contextlib

import pytest

from xenproof.errors import XenproofError
from xenproof.hosts.target import Target
from xenproof.plain import shortened
from xenproof.results.host_load import HostLoad
from xenproof.results.verdict import Outcome
from xenproof.run.expired import count_expired, expired_since
from xenproof.run.processor_time import ProcessorClock, read_clock
from xenproof.source.connection import Connection
from xenproof.suite.expect import Mismatch
from xenproof.suite.outcome import MOST_REASON, End
from xenproof.xen.dom0_load import Dom0Clock, read_dom0_clock
from xenproof.xen.time_limits import time_limit_in

_CONNECTIONS = pytest.StashKey[dict[str, Connection]]()


def watch_load(config: pytest.Config, url: str, connection: Connection) -> None:
    """Read the load of the host `url` by `connection`, until that is closed."""
    config.stash.setdefault(_CONNECTIONS, {})[url] = connection


class LoadMeter:
    """Measures the load of the host of one check from when it is made, and notes the time limits that pass."""

    def __init__(self, config: pytest.Config, target: Target) -> None:
        self._config, self._target = config, target
        self._expired = count_expired()
        self._before: ProcessorClock | Dom0Clock | None = None
        self.begin()

    def begin(self) -> None:
        """Begin to measure, if that was not possible before: dom0's connection is opened by the first check."""
        if self._before is None:
            self._before = self._read()

    def load(self) -> HostLoad | None:
        """The load until now; None where nothing can be measured."""
        now = self._read() if self._before is not None else None
        if isinstance(now, Dom0Clock) and isinstance(self._before, Dom0Clock):
            return now.since(self._before)
        if isinstance(now, ProcessorClock) and isinstance(self._before, ProcessorClock):
            span = now.since(self._before)
            pressure = None if span.pressed_s is None else min(span.pressed_s / max(span.seconds, 1e-3), 1.0)
            return HostLoad(span.seconds, span.ran_s, span.denied_s, pressure)
        return None

    def expired(self) -> tuple[str, ...]:
        """The time limits of the suite that have passed since the begin."""
        return expired_since(self._expired)

    @property
    def is_cheap(self) -> bool:
        """Whether reading costs no command on the host."""
        return self._target.qemu is not None

    def _read(self) -> ProcessorClock | Dom0Clock | None:
        if self._target.qemu is not None:
            return read_clock(self._target.qemu.pid)
        connection = self._config.stash.get(_CONNECTIONS, {}).get(self._target.url)
        if connection is None or not getattr(connection, "is_open", True):
            return None
        # The figures of a host that does not answer are not worth a wait: the check itself reports that.
        with contextlib.suppress(XenproofError):
            return read_dom0_clock(connection)
        return None


def meter_for(item: pytest.Item, target: Target | None) -> LoadMeter | None:
    """The meter for a check that uses a live dom0, such as each check of guests; None for any other."""
    if target is None or not target.live or "dom0" not in getattr(item, "fixturenames", ()):
        return None
    return LoadMeter(item.config, target)


def judged_by_load(end: End, error: BaseException, load: HostLoad | None, expired: tuple[str, ...]) -> End:
    """The end of a phase by `error`: a failure by a time limit on a starved host becomes an error with the figures.

    Any other end stays as it is: also a failure without a time limit, and one on a host that got its processors.
    """
    if end.outcome is not Outcome.FAIL or load is None or not load.starved:
        return end
    said = f"{error.finding.found}\n{end.reason}" if isinstance(error, Mismatch) else f"{end.reason}\n{error}"
    limit = time_limit_in(said) or next(iter(expired), "")
    if not limit:
        return end
    why = [
        f"a time limit passed while the host was starved, so this failure proves nothing: {limit}",
        str(load),
        f"it had failed with: {error}",
    ]
    return End(Outcome.ERROR, shortened("\n".join(why), MOST_REASON, "too long for a report"), end.details)
