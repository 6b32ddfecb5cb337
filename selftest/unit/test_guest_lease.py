"""Leases on memory: one host, many workers."""

import json
import os
import subprocess
import threading
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from xenproof.errors import GuestError
from xenproof.guest.lease import OVERHEAD_MIB, RESERVE_MIB, leased_memory
from xenproof.guest.shared import Shared
from xenproof.source.connection import Completed


class Host:
    """A host with some memory that counts how often it is asked."""

    url = "ssh://host"

    def __init__(self, usable_mib: int) -> None:
        self.asked = 0
        self._free = usable_mib + RESERVE_MIB

    def run(self, command: str, **_limits: object) -> Completed:
        self.asked += 1
        return Completed(command, 0, b"free_memory            : %d\n" % self._free, b"", 0.0)


def lease(host: Host, folder: Path, name: str, mib: int, limit_s: float = 0.5) -> AbstractContextManager[None]:
    return leased_memory(host, folder, name, mib - OVERHEAD_MIB, limit_s)  # type: ignore[arg-type]  # run() is all it needs


def test_guests_that_fit_run_at_the_same_time(tmp_path: Path) -> None:
    host = Host(200)
    with lease(host, tmp_path, "a", 100), lease(host, tmp_path, "b", 100):
        assert host.asked == 1


def test_a_guest_that_has_no_room_names_who_has_it(tmp_path: Path) -> None:
    host = Host(200)
    with lease(host, tmp_path, "a", 150), pytest.raises(GuestError, match=r"b needs 100 .* 50 of 200 .* 150 MiB by a"):
        lease(host, tmp_path, "b", 100).__enter__()


def test_a_guest_that_can_never_fit_is_refused_at_once(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(GuestError, match="lower dom0_mem"):
        lease(Host(200), tmp_path, "a", 300, limit_s=60).__enter__()
    assert time.monotonic() - begin < 5


def test_a_guest_waits_for_another_to_end(tmp_path: Path) -> None:
    host, held = Host(200), ExitStack()
    held.enter_context(lease(host, tmp_path, "a", 150))
    ending = threading.Timer(0.3, held.close)
    ending.start()
    with lease(host, tmp_path, "b", 150, limit_s=10):
        pass
    ending.join()


def test_an_error_in_a_guest_gives_its_memory_back(tmp_path: Path) -> None:
    host = Host(200)
    with pytest.raises(ZeroDivisionError), lease(host, tmp_path, "a", 150):
        raise ZeroDivisionError
    with lease(host, tmp_path, "b", 150):
        pass


def test_a_worker_that_died_holds_nothing(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    host = Host(200)
    with Shared(tmp_path, host.url, "memory").held() as table:
        table["leases"] = {f"gone {dead.pid}": "150", f"alive {os.getpid()}": "10"}
    with lease(host, tmp_path, "b", 150):
        pass


def test_an_error_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    shared = Shared(tmp_path, "host", "x")
    with shared.held() as table:
        table["a"] = {"b": "1"}
    with pytest.raises(ZeroDivisionError), shared.held() as table:
        table["a"] = {"b": str(1 // 0)}
    assert json.loads(next(tmp_path.glob("x-*.json")).read_text()) == {"a": {"b": "1"}}
