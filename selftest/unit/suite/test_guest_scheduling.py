"""How checks of guests are given to workers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, Suite, clean_environment
from xenproof.suite.affinity import Affinity, read_affinities
from xenproof.suite.scheduling import expected_seconds

RECORDING = REPOSITORY / "selftest" / "data" / "recordings" / "debian12-for-sles12.json"
HOST = f"recording://{RECORDING}"

GUEST = "tests/guest/test_"
DUMPS = """
from pathlib import Path
from xenproof.suite.affinity import write_affinities

def pytest_collection_finish(session):
    write_affinities(Path(__file__).parent, session.items)
"""


@pytest.fixture(scope="module")
def affinities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Affinity]:
    """What the marks of all checks of guests say, by FILE::NAME[PARAMETERS], without "tests/guest/test_"."""
    folder = tmp_path_factory.mktemp("dumps")
    (folder / "conftest.py").write_text(DUMPS)
    options = ("--collect-only", "-q", "--profile=debian12", f"--hosts=recording://{RECORDING}")
    done = Suite(folder / "report").run(*options, "tests/guest", str(folder))
    assert done.exit_status in (0, 6), done.output
    found = read_affinities(folder)
    return {
        nodeid.removeprefix(GUEST).replace(f"[{HOST}-", "[").replace(f"[{HOST}]", ""): found[nodeid] for nodeid in found
    }


def groups(affinities: dict[str, Affinity], *checks: str) -> set[str]:
    """The groups of some checks."""
    return {affinities.get(check, Affinity()).group for check in checks}


def of_file(affinities: dict[str, Affinity], name: str) -> set[str]:
    """The groups of the checks of a file."""
    return {found.group for check, found in affinities.items() if check.startswith(f"{name}.py::")}


def test_all_checks_of_one_guest_go_to_one_worker(affinities: dict[str, Affinity]) -> None:
    checks = ("grub_xen.py::test_guest_boots", "grub_xen.py::test_guest_leaves_nothing_in_dom0")
    (qdisk,) = groups(affinities, *(f"{check}[qdisk]" for check in checks))
    (blkback,) = groups(affinities, *(f"{check}[blkback]" for check in checks))
    assert len({qdisk, blkback, ""}) == 3
    assert of_file(affinities, "grub_xen") == {qdisk, blkback}
    assert HOST in qdisk, "each host has guests of its own"


def test_what_is_asked_once_for_all_rows_goes_to_one_worker(affinities: dict[str, Affinity]) -> None:
    rows = {check for check in affinities if check.startswith("disk_specs.py::test_disk_gets_the_predicted_backend[")}
    dry = {check for check in affinities if check.startswith("disk_specs.py::test_disk_specification_is_read")}
    assert min(len(rows), len(dry)) > 30
    assert len(groups(affinities, *rows)) == len(groups(affinities, *dry)) == 1
    assert groups(affinities, *rows) != groups(affinities, *dry)


@pytest.mark.parametrize("name", ["life", "libvirt", "durability", "spice"])
def test_the_life_of_one_guest_goes_to_one_worker(affinities: dict[str, Affinity], name: str) -> None:
    (group,) = of_file(affinities, name)
    assert group
    assert [check for check, found in affinities.items() if found.group == group and not check.startswith(name)] == []


@pytest.mark.parametrize(
    "check",
    [
        "boot_ways.py::test_guest_comes_as_far_as_predicted[pygrub, xfs]",
        "boot_ways.py::test_guest_comes_as_far_as_predicted[a kernel of dom0, ext4]",
        "boot_ways.py::test_guest_comes_as_far_as_predicted[GRUB for PVH, ext4]",
        "served.py::test_setting_is_served[nested_hvm]",
        "kernels.py::test_xl_starts_a_kernel[kernel_gzip]",
    ],
)
def test_other_checks_are_left_to_xdist(affinities: dict[str, Affinity], check: str) -> None:
    assert check not in affinities


def test_checks_of_users_that_ask_for_a_guest_share_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(DUMPS)
    (tmp_path / "test_ours.py").write_text(OURS)
    options = ("--collect-only", "-q", "--profile=debian12", f"--hosts=recording://{RECORDING}")
    Suite(tmp_path / "report").run(*options, str(tmp_path))
    found = read_affinities(tmp_path)
    assert len(found) == 4
    assert all(one.shares for one in found.values())
    assert len({one.group for one in found.values()}) == 2


OURS = """
from xenproof.suite.each import each

@each("guest.*.type")
def test_a(guest_booted, expected, expect):
    pass

@each("guest.*.type")
def test_b(guest_defined, expected, expect):
    pass

def test_c(dom0):
    pass
"""


def test_checks_that_never_ran_are_taken_for_as_long_as_their_guests_need() -> None:
    life = [f"tests/guest/test_life.py::test_{name}[{HOST}]" for name in "abc"]
    alone = f"tests/guest/test_kernels.py::test_xl_starts_a_kernel[{HOST}-kernel_gzip]"
    of_host = [f"tests/host/test_units.py::test_{name}[{HOST}]" for name in range(100)]
    shared = dict.fromkeys(life, Affinity("a guest", shares=True))

    def seconds(*checks: str) -> float:
        return expected_seconds(checks, {}, shared)

    assert seconds(*life) > seconds(alone) > seconds(*of_host)
    assert seconds(alone, *life) > seconds(*life) + seconds(life[0]) / 2


def test_what_a_check_took_counts_where_it_is_known() -> None:
    checks = [f"tests/guest/test_life.py::test_{name}[{HOST}]" for name in "abc"]
    assert expected_seconds(checks, dict.fromkeys(checks, 100.0), {}) == 300.0


def test_workers_run_the_checks_of_a_group_together(tmp_path: Path) -> None:
    """What a worker collected reaches the process that hands out the checks: each group has one worker."""
    own = tmp_path / "test_ours.py"
    own.write_text(GROUPED)
    Suite(tmp_path / "report").run("-n2", "--profile=debian12", f"--hosts=recording://{RECORDING}", str(own))
    rows = [line.split() for line in own.with_suffix(".workers").read_text().splitlines()]
    assert sorted(group for group, _ in rows) == ["a"] * 8 + ["b"] * 8
    assert len({(group, worker) for group, worker in rows}) == 2
    assert len({worker for _, worker in rows}) == 2


GROUPED = """
import os
import pathlib
import pytest

def note(group):
    with pathlib.Path(__file__).with_suffix(".workers").open("a") as out:
        out.write(f"{group} {os.environ['PYTEST_XDIST_WORKER']}\\n")

@pytest.mark.parametrize("number", range(8))
@pytest.mark.same_worker("a")
def test_a(target, number):
    note("a")

@pytest.mark.parametrize("number", range(8))
@pytest.mark.same_worker("b")
def test_b(target, number):
    note("b")
"""


CHECK = "guest/test_checks.py::test_it"
CHECKS = """
import pytest

@pytest.mark.parametrize("name", ["short", "long", "middle"])
def test_it(name):
    pass
"""
TWO_HOSTS = """
from pathlib import Path
from xenproof.hosts.target import Target
from xenproof.profile.load import load_profile
from xenproof.source.address import parse_urls
from xenproof.suite.run_context import RunContext, RunOptions, set_context

def pytest_configure(config):
    options = RunOptions(load_profile("debian12"), tuple(parse_urls("ssh://a,ssh://b")), Path("report"))
    targets = {address.url: Target(address) for address in options.addresses}
    set_context(config, RunContext(options, 0.0, Path(), options.report, targets))
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
    (checks / "conftest.py").write_text(TWO_HOSTS)
    assert order(run(checks)) == ["short", "long", "middle"]


def test_a_cache_that_cannot_be_written_is_no_error(checks: Path) -> None:
    (checks / "pytest.ini").write_text("[pytest]\ncache_dir = /proc/nothing\nfilterwarnings = error\n")
    assert "3 passed" in run(checks, "-pno:nfplugin")  # which would say that itself
