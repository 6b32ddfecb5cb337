"""How checks are scheduled to xdist's workers: those of one group to one worker, the longest groups first."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import pytest
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]  # xdist carries no types
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

from xenproof.suite.affinity import Affinity, read_affinities
from xenproof.suite.run_context import context_of

# Estimates for checks that never ran here: a guest on an emulated host, and each further check that shares it.
_GUEST_S, _LOOK_S = 45.0, 3.0
_KNOWN = "xenproof/seconds"


class GuestScheduling(LoadGroupScheduling):  # type: ignore[misc]  # xdist carries no types
    """Gives the checks of each group to one worker, so that they share a guest, and begins with the longest group.

    A long group that comes last leaves the other workers idle.  The mark xdist_group is not used: with pytest 9.2,
    xdist 3.8 loses it, so that each worker boots each guest.
    """

    def __init__(
        self, config: pytest.Config, log: object, known: Mapping[str, float] | None,
        read: Callable[[], Mapping[str, Affinity]],
    ) -> None:  # fmt: skip
        """`known` is how long each check took the last time, in seconds; None leaves the order as it is.

        `read` returns the affinities of the checks; it is called after the workers have collected them.
        """
        super().__init__(config, log)
        self._known, self._read = known, read

    @cached_property
    def _affinities(self) -> Mapping[str, Affinity]:
        return self._read()

    def _split_scope(self, nodeid: str) -> str:
        return self._affinities.get(nodeid, Affinity()).group or str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: WorkerController) -> None:
        # Sort only once: checks that xdist puts back after a worker died stay at the end.
        if self._known is not None:
            seconds = {
                scope: expected_seconds(checks, self._known, self._affinities)
                for scope, checks in self.workqueue.items()
            }
            self._known = None
            for scope in sorted(seconds, key=seconds.__getitem__, reverse=True):
                self.workqueue.move_to_end(scope)
        super()._assign_work_unit(node)


def expected_seconds(nodeids: Iterable[str], known: Mapping[str, float], affinities: Mapping[str, Affinity]) -> float:
    """How long a group of checks takes, from `known` seconds, or for unknown checks from an estimate by their kind.

    Checks without a guest count as 0 s, so that their order stays as it is.
    """
    seconds = shared = 0.0
    for nodeid in nodeids:
        if nodeid in known:
            seconds += known[nodeid]
        elif not _is_of_guest(nodeid):
            continue
        elif affinities.get(nodeid, Affinity()).shares:
            seconds, shared = seconds + _LOOK_S, _GUEST_S
        else:
            seconds += _GUEST_S
    return seconds + shared


def _is_of_guest(nodeid: str) -> bool:
    return "/guest/" in f"/{nodeid}"


class Seconds:
    """How long each check with a guest took; stored for the next run in pytest's cache, unless that is disabled."""

    def __init__(self, config: pytest.Config) -> None:
        self._cache = getattr(config, "cache", None)
        self._took = defaultdict[str, float](float)

    def known(self) -> dict[str, float]:
        """How many seconds each check took the last time that it ran."""
        found = self._cache.get(_KNOWN, {}) if self._cache else {}
        return found if isinstance(found, dict) else {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the duration of this phase of a check."""
        # Only checks with guests: the tens of thousands of others would all be read at the start of each later run.
        if _is_of_guest(report.nodeid):
            self._took[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Store the durations, if the cache can be written."""
        if self._cache and self._took:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pytest.PytestCacheWarning)
                self._cache.set(_KNOWN, self.known() | self._took)


def pytest_configure(config: pytest.Config) -> None:
    """Measure durations in the process that schedules the checks."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Seconds(config), "xenproof-seconds")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GuestScheduling | None:
    """Schedule by guests, unless the user chose another way of distribution."""
    if config.getvalue("dist") not in ("load", "loadgroup"):
        return None
    context = context_of(config)
    # A worker that changes the host loses its guests, so with several hosts the order by hosts stays as it is.
    is_one = context is None or len(context.targets) == 1
    return GuestScheduling(
        config,
        log,
        Seconds(config).known() if is_one else None,
        lambda: read_affinities(context.folder) if context else {},
    )
