"""How checks are given to xdist's workers: those that share a guest to one of them, and what takes longest first."""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping

import pytest
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]  # xdist carries no types
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

from xenproof.xen.backend import DiskBackend

_OF_ONE_GUEST = ("/test_life.py", "/test_libvirt.py", "/test_durability.py")
# Guests that the processor runs as HVM or PVH.  Under emulation a PVH guest ends with a triple fault while an HVM guest
# is busy (README), so they come one after another.
_VIRTUALIZED = re.compile(r"/test_spice\.py$|/test_boot_ways\.py.*(PVH|a PC)|/test_served\.py.*nested_hvm")
# Of checks that never ran here: a guest needs so long on an emulated host, and each check that shares it so long more.
_SHARING = (*_OF_ONE_GUEST, "/test_spice.py", "/test_disk_specs.py", "/test_grub_xen.py")
_GUEST_S, _LOOK_S = 45.0, 3.0
_KNOWN = "xenproof/seconds"


class GuestScheduling(LoadGroupScheduling):  # type: ignore[misc]  # xdist carries no types
    """Gives all checks of one guest to one worker, so that they share it, and begins with what takes longest.

    What is long and comes last leaves the other workers idle.  Not left to the mark xdist_group: with pytest 9.2 xdist
    3.8 loses it, so that each worker boots each guest.
    """

    def __init__(self, config: pytest.Config, log: object, known: Mapping[str, float] | None) -> None:
        """`known` is what each check took the last time, in seconds; None to leave the order as it is."""
        super().__init__(config, log)
        self._known = known

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid) or str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: WorkerController) -> None:
        # Once: what xdist puts back when a worker died comes last, as it leaves it.
        if self._known is not None:
            seconds = {scope: expected_seconds(checks, self._known) for scope, checks in self.workqueue.items()}
            self._known = None
            for scope in sorted(seconds, key=seconds.__getitem__, reverse=True):
                self.workqueue.move_to_end(scope)
        super()._assign_work_unit(node)


def scope_of(nodeid: str) -> str | None:
    """What checks of guests have in common that one worker should run; None for those that are none.

    Where a check names a disk backend, all those of that guest; all checks of a guest's life; all rows of a table for
    which the host is asked once.
    """
    # Such as: tests/guest/test_grub_xen.py::test_guest_boots[lab://debian12-qdisk]
    path, _, check = nodeid.partition("::")
    name, bracket, of = check.partition("[")
    if not _is_of_guest(path) or not bracket:
        return None
    if path.endswith(_OF_ONE_GUEST):
        return path
    if _VIRTUALIZED.search(path) or _VIRTUALIZED.search(nodeid):
        return "guests of HVM and PVH"
    if of.rstrip("]").rpartition("-")[2] in set(DiskBackend):
        return f"{path}[{of}"
    return f"{path}::{name}" if path.endswith("/test_disk_specs.py") else None


def expected_seconds(nodeids: Iterable[str], known: Mapping[str, float]) -> float:
    """How long the checks that one worker is to run take together, by what is `known` of them, else by their kind.

    Those that run no guest take no time, so that they stay as they are.
    """
    seconds = shared = 0.0
    for nodeid in nodeids:
        if nodeid in known:
            seconds += known[nodeid]
        elif not _is_of_guest(nodeid):
            continue
        elif nodeid.partition("::")[0].endswith(_SHARING):
            seconds, shared = seconds + _LOOK_S, _GUEST_S
        else:
            seconds += _GUEST_S
    return seconds + shared


def _is_of_guest(nodeid: str) -> bool:
    return "/guest/" in f"/{nodeid}"


class Seconds:
    """What each check with a guest took; kept for the next run in pytest's cache, where that is not switched off."""

    def __init__(self, config: pytest.Config) -> None:
        self._cache = getattr(config, "cache", None)
        self._took = defaultdict[str, float](float)

    def known(self) -> dict[str, float]:
        """What checks took the last time that they ran."""
        found = self._cache.get(_KNOWN, {}) if self._cache else {}
        return found if isinstance(found, dict) else {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what this part of a check took."""
        # Of all others there are tens of thousands, which every later run would have to read.
        if _is_of_guest(report.nodeid):
            self._took[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Keep it, where that can be written."""
        if self._cache and self._took:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", pytest.PytestCacheWarning)
                self._cache.set(_KNOWN, self.known() | self._took)


def pytest_configure(config: pytest.Config) -> None:
    """Measure, in the process that hands out the checks."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Seconds(config), "xenproof-seconds")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GuestScheduling | None:
    """Schedule by guests wherever the user did not ask for a way of distribution that rules it out."""
    if config.getvalue("dist") not in ("load", "loadgroup"):
        return None
    # From one host to another a worker loses all that it has there, so that several hosts come one after another.
    is_one = "," not in (config.getoption("--hosts", None) or "")
    return GuestScheduling(config, log, Seconds(config).known() if is_one else None)
