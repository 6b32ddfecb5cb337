"""How checks of guests are given to workers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from selftest.lab.suite import clean_environment
from xenproof.suite.scheduling import expected_seconds, scope_of

BOOT = "tests/guest/test_grub_xen.py"
DISKS = "tests/guest/test_disk_specs.py"
HOST = "lab://debian12"


def test_all_checks_of_one_guest_go_to_one_worker() -> None:
    assert scope_of(f"{BOOT}::test_guest_boots[{HOST}-qdisk]") == scope_of(f"{BOOT}::test_guest_leaves[{HOST}-qdisk]")
    assert scope_of(f"{BOOT}::test_guest_boots[{HOST}-qdisk]") != scope_of(f"{BOOT}::test_guest_boots[{HOST}-blkback]")


def test_what_is_asked_once_for_all_rows_goes_to_one_worker() -> None:
    first = scope_of(f"{DISKS}::test_disk_gets_the_predicted_backend[{HOST}-file_as_raw_on_qdisk]")
    assert first == scope_of(f"{DISKS}::test_disk_gets_the_predicted_backend[{HOST}-xm_phy]")
    assert first != scope_of(f"{DISKS}::test_disk_specification_is_read_as_predicted[{HOST}-xm_phy]")


def test_the_life_of_one_guest_goes_to_one_worker() -> None:
    life = "tests/guest/test_life.py"
    assert scope_of(f"{life}::test_guest_is_renamed[{HOST}]") == scope_of(
        f"{life}::test_guest_starts_again[{HOST}-crash]"
    )


def test_guests_of_hvm_and_pvh_come_one_after_another() -> None:
    ways = "tests/guest/test_boot_ways.py::test_guest_comes_as_far_as_predicted"
    nodeids = [
        "tests/guest/test_spice.py::test_picture[x]",
        f"{ways}[x-GRUB for PVH, ext4]",
        f"{ways}[x-a kernel of dom0, as PVH, ext4]",
        f"{ways}[x-GRUB for a PC, from its disk, ext4]",
    ]
    assert len({scope_of(nodeid) for nodeid in nodeids}) == 1
    assert scope_of(nodeids[0]) is not None
    assert scope_of(f"{ways}[x-a kernel of dom0, ext4]") is None


def test_each_way_to_start_a_guest_may_go_to_any_worker() -> None:
    assert scope_of(f"tests/guest/test_boot_ways.py::test_guest_comes_as_far_as_predicted[{HOST}-pygrub, xfs]") is None


@pytest.mark.parametrize("nodeid", ["tests/host/test_units.py::test_a[x-qdisk]", f"{BOOT}::test_of_no_guest"])
def test_other_checks_are_left_to_xdist(nodeid: str) -> None:
    assert scope_of(nodeid) is None


def test_checks_that_never_ran_are_taken_for_as_long_as_their_guests_need() -> None:
    life = [f"tests/guest/test_life.py::test_{name}[{HOST}]" for name in "abc"]
    alone = f"tests/guest/test_kernels.py::test_xl_starts_a_kernel[{HOST}-kernel_gzip]"
    of_host = [f"tests/host/test_units.py::test_{name}[{HOST}]" for name in range(100)]
    assert expected_seconds(life, {}) > expected_seconds([alone], {}) > expected_seconds(of_host, {})
    assert expected_seconds([alone, *life], {}) > expected_seconds(life, {}) + expected_seconds(life[:1], {}) / 2


def test_what_a_check_took_counts_where_it_is_known() -> None:
    checks = [f"tests/guest/test_life.py::test_{name}[{HOST}]" for name in "abc"]
    assert expected_seconds(checks, dict.fromkeys(checks, 100.0)) == 300.0


CHECK = "guest/test_checks.py::test_it"
CHECKS = """
import pytest

@pytest.mark.parametrize("name", ["short", "long", "middle"])
def test_it(name):
    pass
"""


def run(folder: Path, *options: str) -> str:
    """What pytest says with the scheduler, and checks of guests in `folder`."""
    plugins = ("no:pytest11.testinfra", "xenproof.suite.options", "xenproof.suite.scheduling")
    command = [sys.executable, "-m", "pytest", *(f"-p{name}" for name in plugins), "-v", "-n1", *options]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=60, env=clean_environment()
    )
    return done.stdout + done.stderr


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    """A folder with three checks of guests."""
    (tmp_path / "guest").mkdir()
    (tmp_path / "guest/test_checks.py").write_text(CHECKS)
    (tmp_path / "pytest.ini").write_text("[pytest]\ncache_dir = cache\n")
    return tmp_path


def know(folder: Path) -> None:
    """Let the cache say what they took the last time."""
    known = folder / "cache/v/xenproof/seconds"
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps({f"{CHECK}[short]": 1, f"{CHECK}[long]": 3, f"{CHECK}[middle]": 2}))


def order(said: str) -> list[str]:
    """The checks as they passed."""
    return re.findall(r"PASSED \S*test_it\[(\w+)\]", said)


def test_what_checks_of_guests_took_is_kept_for_the_next_time(checks: Path) -> None:
    (checks / "test_no_guest.py").write_text(CHECKS)
    assert len(order(run(checks))) == 6
    known = json.loads((checks / "cache/v/xenproof/seconds").read_text())
    assert sorted(known) == [f"{CHECK}[{name}]" for name in ("long", "middle", "short")]


def test_what_took_longest_comes_first(checks: Path) -> None:
    know(checks)
    assert order(run(checks)) == ["long", "middle", "short"]


def test_with_several_hosts_the_order_stays(checks: Path) -> None:
    know(checks)
    assert order(run(checks, "--hosts", "ssh://a,ssh://b")) == ["short", "long", "middle"]


def test_a_cache_that_cannot_be_written_is_no_error(checks: Path) -> None:
    (checks / "pytest.ini").write_text("[pytest]\ncache_dir = /proc/nothing\nfilterwarnings = error\n")
    assert "3 passed" in run(checks, "-pno:nfplugin")  # which would say that itself
