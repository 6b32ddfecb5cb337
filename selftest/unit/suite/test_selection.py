"""A selection of no checks is reported before any host is touched: opening, booting or building one takes minutes."""

import socket
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, Suite, SuiteRun

RECORDINGS = REPOSITORY / "selftest" / "data" / "recordings"
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])


@pytest.fixture
def closed() -> str:
    """The URL of a host that refuses connections, so that a run that opens it says so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"ssh://root@127.0.0.1:{listening.getsockname()[1]}"


def run(folder: Path, hosts: str, *arguments: str) -> SuiteRun:
    return Suite(folder / "report").run(
        "--profile=sles12", f"--hosts={hosts}", "-o", f"cache_dir={folder}/pytest", *arguments, limit_s=120
    )


@WORKERS
@pytest.mark.parametrize(
    ("selection", "status", "message"),
    [
        (["tests/nowhere"], 4, "not found: tests/nowhere"),
        (["tests/host/test_nowhere.py"], 4, "not found: tests/host/test_nowhere.py"),
        (["tests/host", "tests/nowhere"], 4, "not found: tests/nowhere"),
        (["tests/host/test_units.py::test_nowhere"], 4, "test_units.py::test_nowhere"),
        (["tests/host", "-k", "nowhere"], 6, "no check was selected"),
        (["tests/host", "-m", "smoke"], 6, "no check was selected"),
        (["tests/guest/test_many.py"], 6, "no check was selected"),  # which runs only with -m many
        (["tests/host", "-k", "(("], 4, "at column 3: expected not OR left parenthesis OR identifier"),
        (["tests/host", "-m", "(("], 4, "at column 3: expected not OR left parenthesis OR identifier"),
        (["tests/host", "--deselect=tests/host"], 6, "no check was selected"),
    ],
)
def test_a_selection_of_nothing_is_reported_before_a_host_is_opened(
    closed: str, tmp_path: Path, workers: tuple[str, ...], selection: list[str], status: int, message: str
) -> None:
    done = run(tmp_path, closed, *workers, *selection)
    assert "refuses connections" not in done.output
    assert done.exit_status == status, done.output
    assert message.lower() in done.output.lower()
    assert "Traceback" not in done.output, done.output


@WORKERS
def test_the_report_says_that_no_check_was_selected(closed: str, tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = run(tmp_path, closed, *workers, "tests/host", "-k", "nowhere")
    assert done.results.exit_status == 6
    assert [host.url for host in done.results.hosts] == [closed]
    assert done.results.notes == ("No check was selected, so no host was opened.",)


@WORKERS
def test_a_check_that_cannot_be_imported_is_reported_before_a_host_is_opened(
    closed: str, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("import nowhere\n")
    done = run(tmp_path, closed, *workers, str(broken))
    assert "refuses connections" not in done.output
    assert done.exit_status == 2, done.output
    assert "No module named 'nowhere'" in done.output


@WORKERS
def test_a_host_is_opened_for_a_selection_of_something(closed: str, tmp_path: Path, workers: tuple[str, ...]) -> None:
    """What the other tests look for is there where the host is opened."""
    done = run(tmp_path, closed, *workers, "tests/host/test_units.py")
    assert done.exit_status == 6, done.output
    assert "refuses connections" in done.output
    assert [verdict.id for verdict in done.verdicts] == [f"host can be evaluated [{closed}]"]


@WORKERS
def test_a_selection_may_name_one_of_several_hosts(tmp_path: Path, workers: tuple[str, ...]) -> None:
    hosts = [f"recording://{RECORDINGS / name}.json" for name in ("debian12-for-sles12", "sles12-replica")]
    done = run(tmp_path, ",".join(hosts), *workers, "tests/host/test_units.py", "-k", "sles12-replica")
    # pytest collects host by host in one process: the checks of the second host come from those of the first.
    assert {verdict.host for verdict in done.verdicts} == {hosts[1]}, done.output
