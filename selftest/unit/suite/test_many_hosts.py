"""Many hosts in one run: the same verdicts as one by one and step by step, and memory that hardly grows with them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from selftest.lab.suite import REPOSITORY, Suite, SuiteRun, clean_environment

RECORDINGS = REPOSITORY / "selftest" / "data" / "recordings"
GOOD, BAD = RECORDINGS / "sles12-replica.json", RECORDINGS / "debian12-for-sles12.json"


def copies(folder: Path, *files: Path) -> list[str]:
    """The URLs of copies of recordings, in the order in which they are given."""
    return [f"recording://{shutil.copy(path, folder / f'host{at}.json')}" for at, path in enumerate(files)]


def run(folder: Path, hosts: list[str], *arguments: str) -> SuiteRun:
    return Suite(folder / "report").run("--profile=sles12", f"--hosts={','.join(hosts)}", *arguments)


def judged(done: SuiteRun) -> list[tuple[Any, ...]]:
    """All that is said about the hosts, but for times, and the places where a traceback passed."""
    keys = ("host", "id", "outcome", "reason", "title", "level", "family", "req", "findings")
    return [tuple(str(getattr(verdict, key)) for key in keys) for verdict in done.verdicts]


def test_verdicts_are_the_same_however_the_checks_are_run(tmp_path: Path) -> None:
    """At once and host by host; all set up first, each phase by pytest; one run for each host."""
    hosts = copies(tmp_path, GOOD, BAD, GOOD)
    fast = judged(run(tmp_path, hosts, "tests/host"))
    assert {verdict[2] for verdict in fast} >= {"pass", "fail", "not evaluable"}
    assert len(fast) > 3 * 250
    assert [host for host in dict.fromkeys(verdict[0] for verdict in fast)] == hosts

    step_by_step = judged(run(tmp_path, hosts, "--setup-show", "tests/host"))
    assert step_by_step == fast

    # What compares two hosts has nothing to say in a run of one.
    peers = {verdict[1] for verdict in fast if "peer" in verdict[4] or "other host" in verdict[4]}
    for host in hosts[:2]:
        alone = {verdict for verdict in judged(run(tmp_path, [host], "tests/host")) if verdict[1] not in peers}
        assert alone - set(fast) == {verdict for verdict in alone if verdict[2] == "not applicable"}


def test_workers_give_the_same_verdicts(tmp_path: Path) -> None:
    hosts = copies(tmp_path, GOOD, BAD)
    only = "tests/host/test_packages.py"
    assert sorted(judged(run(tmp_path, hosts, "-n1", only))) == sorted(judged(run(tmp_path, hosts, only)))


OWN = '''
import atexit
import pathlib
import pytest
from xenproof.suite.each import each

SEEN = []
atexit.register(lambda: pathlib.Path(__file__).with_suffix(".seen").write_text("\\n".join(SEEN)))

@pytest.fixture(scope="session")
def once():
    SEEN.append("once")
    yield
    SEEN.append("end of once")

@pytest.fixture(scope="module")
def ours(target):
    SEEN.append("ours")

def test_without_a_host(once):
    """Belongs to no host."""
    SEEN.append("no host")

@each("packages.xen.installed")
def test_talks(packages, expected, expect):
    """Says something."""
    print("a word that nobody asked for")
    expect(expected, packages.installed(expected.name).yes, by="test")

@each("packages.xen.installed")
def test_has_a_fixture_of_its_own(packages, expected, expect, ours, once):
    """Has a fixture of its own."""
    expect(expected, packages.installed(expected.name).yes, by="test")

@each("packages.xen.installed")
def test_compares_nothing(packages, expected, expect):
    """Compares nothing."""
'''


def test_checks_of_users_run_as_pytest_runs_them(tmp_path: Path) -> None:
    """Their own fixtures, what they print, and a test of no host: as ever; and a check that compares nothing errs."""
    own = tmp_path / "test_ours.py"
    own.write_text(OWN)
    hosts = copies(tmp_path, GOOD, GOOD, GOOD)
    done = run(tmp_path, hosts, str(own))
    assert [verdict[2] for verdict in judged(done) if "compares_nothing" in verdict[1]] == ["error"] * 3
    assert [verdict[2] for verdict in judged(done) if "compares_nothing" not in verdict[1]] == ["pass"] * 7
    assert "a word that nobody asked for" not in done.output
    assert (tmp_path / "test_ours.seen").read_text().split("\n") == ["once", "no host", *["ours"] * 3, "end of once"]


def test_tests_are_chosen_by_their_host_too(tmp_path: Path) -> None:
    hosts = copies(tmp_path, GOOD, GOOD, BAD)
    one = "tests/host/test_packages.py"
    assert {verdict[0] for verdict in judged(run(tmp_path, hosts, "-k", "host1 and xen", one))} == {hosts[1]}
    named = judged(run(tmp_path, hosts, f"{one}::test_package_is_installed[{hosts[2]}-xen]"))
    assert [(verdict[0], verdict[2]) for verdict in named] == [(hosts[2], "fail")]


LOOKS = """
def pytest_terminal_summary(terminalreporter, config):
    passed = [report.nodeid for report in terminalreporter.stats["passed"]]
    plugins = [name for name in ("nfplugin", "hypothesispytest") if config.pluginmanager.has_plugin(name)]
    print(f"<{len(passed)} passed, {len(set(passed))} names, {plugins}>")
"""


def test_what_other_plugins_keep_is_left_alone(tmp_path: Path) -> None:
    """The terminal's statistics have a report of each check that passed, and no plugin is missing at the end."""
    (tmp_path / "conftest.py").write_text(LOOKS)
    (tmp_path / "test_ours.py").write_text(OWN)
    (tmp_path / "pytest.ini").write_text("[pytest]\ncache_dir = cache\n")
    hosts = copies(tmp_path, GOOD, GOOD)
    command = [
        sys.executable, "-m", "pytest", "-p", "no:pytest11.testinfra", "-p", "xenproof.suite", f"--report={tmp_path}/r",
        "--profile=sles12", f"--hosts={','.join(hosts)}", "test_ours.py",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, env={**clean_environment(), "PYTHONPATH": str(REPOSITORY)}, capture_output=True,
        text=True, check=False, timeout=100,
    )  # fmt: skip
    assert "<5 passed, 5 names, ['nfplugin', 'hypothesispytest']>" in done.stdout, done.stdout + done.stderr
    # Those of later hosts are not kept for --nf: 27,000 names of 100 hosts would be read at each start.
    names = json.loads((tmp_path / "cache/v/cache/nodeids").read_text())
    assert len(names) == 4
    assert not any(hosts[1] in name for name in names)


def peak_kib(folder: Path, number: int) -> int:
    """The most memory that a run over `number` hosts had."""
    hosts = ",".join(copies(folder, *[GOOD] * number))
    command = Suite(folder / "report").command("-q", "--profile=sles12", f"--hosts={hosts}", "tests/host")
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=clean_environment(), stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (folder / "output").read_text()[-2000:]
    return usage.ru_maxrss


def test_memory_hardly_grows_with_the_number_of_hosts(tmp_path: Path) -> None:
    """A host's recording, facts and tests are released; its 630 verdicts stay, and pytest's reports of what passed."""
    few, many = peak_kib(tmp_path, 10), peak_kib(tmp_path, 40)
    assert (many - few) / 30 < 1200, f"{few} KiB with 10 hosts, {many} KiB with 40"
