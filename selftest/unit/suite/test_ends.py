"""How a run ends: its status is the verdict's whatever breaks around it, and 1 means one thing only."""

import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from selftest.lab.suite import REPOSITORY, Suite, clean_environment
from selftest.sshd import HOST

RECORDINGS = REPOSITORY / "selftest" / "data" / "recordings"
GOOD, BAD = RECORDINGS / "sles12-replica.json", RECORDINGS / "debian12-for-sles12.json"
ONE = "tests/host/test_packages.py"
# What the shell of a user may have done to standard output before the suite starts.
FULL, UNREAD, CLOSED = "exec >/dev/full", "exec > >(head -c 1)", "exec >&-"


def arguments(*files: Path) -> list[str]:
    return ["--profile=sles12", f"--hosts={','.join(f'recording://{file}' for file in files)}", ONE]


def small_files() -> None:
    """No file of more than 8 KiB can be written, as on a disk that is nearly full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def on_a_full_disk(report: Path, file: Path) -> "subprocess.CompletedProcess[str]":
    command = Suite(report).command("-q", "-o", f"cache_dir={report.parent}/cache", *arguments(file))
    return subprocess.run(
        command, cwd=REPOSITORY, env=clean_environment(), preexec_fn=small_files,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("file", "status", "said"), [(GOOD, 6, "conforms to sles12"), (BAD, 1, "does not conform")])
def test_a_full_disk_is_said_after_the_verdict(tmp_path: Path, file: Path, status: int, said: str) -> None:
    done = on_a_full_disk(tmp_path / "report", file)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout
    lost = [line for line in done.stderr.splitlines() if "cannot write" in line]
    assert len(lost) == 1
    assert lost[0].startswith("xenproof: cannot write results.json, junit.xml, report.html into ")
    assert "Traceback" not in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "report: " not in done.stdout, "there is no page to open"


@pytest.mark.parametrize("before", [FULL, UNREAD, CLOSED])
@pytest.mark.parametrize(("file", "status"), [(GOOD, 0), (BAD, 1)])
def test_the_verdict_does_not_depend_on_who_reads_it(tmp_path: Path, before: str, file: Path, status: int) -> None:
    command = Suite(tmp_path / "report").command(*arguments(file))
    script = f'{before}; "$@"; echo $? >{tmp_path}/status'
    subprocess.run(
        ["bash", "-c", script, "bash", *command], cwd=REPOSITORY, env=clean_environment(), timeout=60, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert (tmp_path / "status").read_text() == f"{status}\n"
    assert json.loads((tmp_path / "report" / "results.json").read_text())["exit_status"] == status


BROKEN_AT_THE_END = """
def pytest_sessionfinish():
    raise RuntimeError("a plugin that breaks")
"""


@pytest.mark.parametrize(("file", "status", "said"), [(GOOD, 6, "conforms to sles12"), (BAD, 1, "does not conform")])
def test_a_plugin_that_breaks_at_the_end_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path, status: int, said: str
) -> None:
    (tmp_path / "broken_at_the_end.py").write_text(BROKEN_AT_THE_END)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    done = Suite(tmp_path / "report").run("-p", "broken_at_the_end", *arguments(file))
    assert done.exit_status == status
    assert said in done.output
    assert "the run did not end as it should: RuntimeError: a plugin that breaks" in done.output


BROKEN_PAGE = """
from xenproof.report import write
def broken(run, folder):
    raise KeyError("a page that cannot be made")
write.render_html = broken
"""


def test_a_page_that_cannot_be_made_does_not_take_the_other_files_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_page.py").write_text(BROKEN_PAGE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    done = Suite(tmp_path / "report").run("-p", "broken_page", *arguments(GOOD))
    assert done.exit_status == 6
    assert "conforms to sles12" in done.output
    assert "cannot write report.html into " in done.output
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {"results.json", "junit.xml"}


def test_a_second_run_takes_another_folder_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "results.json").write_text("of the first run")
    with FileLock(tmp_path / "report" / ".lock"):
        done = Suite(tmp_path / "report").run(*arguments(GOOD))
    other = tmp_path / "report-2"
    assert done.exit_status == 0
    assert f"{tmp_path}/report is in use by another run, so the report of this one is in {other}" in done.output
    assert (tmp_path / "report" / "results.json").read_text() == "of the first run"
    assert json.loads((other / "results.json").read_text())["exit_status"] == 0
    # It is free again, for the next one.
    assert Suite(tmp_path / "report").run(*arguments(GOOD)).exit_status == 0
    assert json.loads((tmp_path / "report" / "results.json").read_text())["exit_status"] == 0


@pytest.fixture
def silent_host() -> Iterator[tuple[socket.socket, str]]:
    """Accepts a connection and never says a word."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(60)
        yield listener, f"ssh://root@{HOST}:{listener.getsockname()[1]}"


def interrupted(command: list[str], listener: socket.socket, number: int) -> tuple[int, str]:
    """The status and the output of a run that gets a signal while it waits for a host's first word."""
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        peer, _ = listener.accept()
        with peer:
            process.send_signal(number)
            output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_reading_leaves_a_report(
    tmp_path: Path, silent_host: tuple[socket.socket, str], number: int
) -> None:
    listener, url = silent_host
    (tmp_path / "known_hosts").touch()
    command = Suite(tmp_path / "report").command(
        "--profile=sles12", f"--hosts=recording://{GOOD},{url}", f"--known-hosts={tmp_path}/known_hosts", ONE
    )
    status, output = interrupted(command, listener, number)
    assert status == 2, output
    report = json.loads((tmp_path / "report" / "results.json").read_text())
    assert report["exit_status"] == 2
    assert report["notes"] == ["The run was interrupted: not every check ran."]
    assert [host["url"] for host in report["hosts"]] == [f"recording://{GOOD}", url]
    assert "the run was interrupted" in output
    assert "conforms to" not in output


def test_an_interrupted_recording_says_that_there_is_none(
    tmp_path: Path, silent_host: tuple[socket.socket, str]
) -> None:
    listener, url = silent_host
    (tmp_path / "known_hosts").touch()
    options = (f"--hosts={url}", f"--known-hosts={tmp_path}/known_hosts", f"--record={tmp_path}/host.json")
    status, output = interrupted(
        Suite(tmp_path / "report").command("--profile=sles12", *options, ONE), listener, signal.SIGINT
    )
    assert status == 2, output
    assert "nothing was recorded: no host was read" in output
    assert "Traceback" not in output
    assert not (tmp_path / "host.json").exists()
    assert json.loads((tmp_path / "report" / "results.json").read_text())["exit_status"] == 2
