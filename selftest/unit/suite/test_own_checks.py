"""Users' own checks: run on a host, recorded, and judged again from the recording.

This machine stands in for the host; only that it is a dom0 is invented.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, Suite, SuiteRun, clean_environment
from xenproof.errors import SourceError
from xenproof.profile.expectation import Level, Status
from xenproof.results.verdict import About, Role, TableCell
from xenproof.source.commands import NotingConnection, ReplayedConnection, noted
from xenproof.source.local import LocalConnection
from xenproof.source.probe import RecordedCommand, Recording

GOOD = REPOSITORY / "selftest" / "data" / "recordings" / "sles12-replica.json"
ANY_HOST = """
from xenproof.facts.identity import Identity
Identity.require_dom0 = lambda self, url: None
"""
CHECKS = '''
def test_root_has_a_shell(host):
    """Root has a shell."""
    assert host.user("root").shell.startswith("/")

def test_facts(host, commands):
    """A check may use facts, arguments that need quotes, and what changes each time."""
    assert commands.on_path("sh").yes
    assert host.run("echo %s", "a b;'c").stdout == "a b;'c\\n"
    first, second = (host.run("cat /proc/uptime; echo $$").stdout for _ in range(2))
    assert first != second

def test_fails(host):
    """It fails."""
    assert host.run("echo 'vncpasswd=\\"secret\\"'; exit 3").rc == 0
'''

Run = Callable[..., SuiteRun]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the suite on hosts that need not be dom0s; the checks lie outside of the repository."""
    (tmp_path / "any_host.py").write_text(ANY_HOST)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def start(hosts: str, *arguments: object) -> SuiteRun:
        return Suite(tmp_path / "report").run(
            "-p", "any_host", "--profile=debian12", f"--hosts={hosts}", *map(str, arguments), limit_s=120
        )

    return start


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "test_site.py"
    path.parent.mkdir()
    path.write_text(CHECKS)
    return path


def outcomes(done: SuiteRun) -> dict[str, str]:
    return {verdict.id: verdict.outcome for verdict in done.verdicts}


@pytest.mark.parametrize("workers", [(), ("-n", 2)])
def test_what_was_recorded_is_judged_as_the_host_was(
    run: Run, checks: Path, tmp_path: Path, workers: tuple[object, ...]
) -> None:
    live = run("local://", "--record", tmp_path / "host.json", *workers, checks)
    assert outcomes(live) == {
        "test_site.py::test_root_has_a_shell": "pass",
        "test_site.py::test_facts": "pass",
        "test_site.py::test_fails": "fail",
    }, live.output
    assert live.exit_status == 1
    assert f"recorded local:// in {tmp_path / 'host.json'}, with " in live.output
    again = run(f"recording://{tmp_path / 'host.json'}", *workers, checks)
    assert (outcomes(again), again.exit_status) == (outcomes(live), 1), again.output


def test_secrets_are_not_recorded(run: Run, checks: Path, tmp_path: Path) -> None:
    run("local://", "--record", tmp_path / "host.json", checks)
    commands = Recording.read(tmp_path / "host.json").commands
    assert [found.command for found in commands if b"[redacted]" in found.stdout] == [
        "echo 'vncpasswd=[redacted]'; exit 3"
    ]
    assert not any("secret" in str(found) for found in commands)


def test_a_command_that_was_not_recorded_is_an_error_that_names_it(run: Run, checks: Path, tmp_path: Path) -> None:
    run("local://", "--record", tmp_path / "host.json", checks)
    for text in ("host.run('uname -r').rc == 0", "host.file('/etc/hostname').exists", "not host.exists('xm')"):
        checks.write_text(f'def test_new(host):\n    """It is new."""\n    assert {text}\n')
        done = run(f"recording://{tmp_path / 'host.json'}", checks)
        (verdict,) = done.verdicts
        assert (verdict.outcome, done.exit_status) == ("error", 6), done.output
        # host.exists looks first for what it can ask with.
        named = ("'uname -r'", "'test -e /etc/hostname'", "'command -v command'")
        assert any(f"does not have the command {name}" in verdict.reason for name in named), verdict.reason
        assert "--record FILE" in verdict.reason


def test_xenproof_record_runs_own_checks(checks: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ANY_HOST)
    command = [sys.executable, "-m", "xenproof.cli", "record", "--hosts", "local://", "-o", str(tmp_path / "host.json")]
    environment = {**clean_environment(), "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    done = subprocess.run(
        [*command, str(checks)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(Recording.read(tmp_path / "host.json").commands) > 4


def test_checks_of_the_same_name_outside_of_the_repository_are_all_judged(run: Run, tmp_path: Path) -> None:
    paths = [tmp_path / folder / f"test_{folder}.py" for folder in ("one", "two")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(
            f'def test_same(host):\n    """It is that of {path.stem}."""\n    assert host.run("true").rc == 0\n'
        )
    done = run("local://", *paths)
    assert {verdict.id for verdict in done.verdicts} == {"test_one.py::test_same", "test_two.py::test_same"}


@pytest.mark.parametrize(
    ("hosts", "file", "why"),
    [
        ("local://,recording://x.json", "host.json", "keeps one host, found 2"),
        ("local://", "absent/host.json", "expected a file in a folder that is there"),
    ],
)
def test_a_recording_that_cannot_be_is_refused_before_the_host_is_touched(
    run: Run, checks: Path, tmp_path: Path, hosts: str, file: str, why: str
) -> None:
    done = run(hosts, "--record", tmp_path / file, checks)
    assert done.exit_status == 4
    assert "reading local://" not in done.output
    assert why in done.output


def recording(*commands: RecordedCommand) -> Recording:
    return Recording("ssh://xen1", "2026-11-24T00:00:00+00:00", {}, {}, commands)


def test_commands_survive_the_file() -> None:
    host = recording(RecordedCommand("xl list", b"\xff\x00", b"err", 7))
    assert Recording.from_json(host.to_json(), "x") == host


def test_a_recording_of_before_has_no_commands() -> None:
    data = json.loads(recording().to_json())
    del data["commands"]
    assert Recording.from_json(json.dumps(data), "x").commands == ()


@pytest.mark.parametrize("commands", ["x", [{}], [1], [{"command": "x", "stdout": "?", "stderr": "", "exit_code": 0}]])
def test_broken_commands_are_no_recording(commands: object) -> None:
    data = {**json.loads(recording().to_json()), "commands": commands}
    with pytest.raises(SourceError, match="is not a recording"):
        Recording.from_json(json.dumps(data), "x")


def test_answers_come_in_their_order_and_the_last_one_stays() -> None:
    host = ReplayedConnection(recording(*(RecordedCommand("date", text, b"", 0) for text in (b"1", b"2"))))
    assert [host.run("date").text for _ in range(3)] == ["1", "2", "2"]
    with pytest.raises(SourceError, match="'date -u'"):
        host.run("date -u")
    with pytest.raises(SourceError, match="cannot be followed"):
        host.follow("date")


def test_a_command_that_always_says_the_same_is_kept_once(tmp_path: Path) -> None:
    for process in ("1", "2"):
        host = NotingConnection(LocalConnection(), tmp_path / process)
        for command in ("echo same", "echo same", "date +%N", "date +%N"):
            host.run(command)
    commands = [found.command for found in noted(tmp_path.iterdir())]
    assert commands == ["echo same", *["date +%N"] * 4]


def test_a_command_that_does_not_end_is_not_kept(tmp_path: Path) -> None:
    host = NotingConnection(LocalConnection(), tmp_path / "notes")
    with pytest.raises(SourceError):
        host.run("sleep 1000", limit_s=0.2)
    assert not (tmp_path / "notes").exists()


def test_what_is_noted_is_for_its_owner_only(tmp_path: Path) -> None:
    NotingConnection(LocalConnection(), tmp_path / "notes").run("true")
    assert (tmp_path / "notes").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("workers", [(), ("-n", 2)])
def test_a_check_stands_in_the_table_that_it_asked_for(run: Run, tmp_path: Path, workers: tuple[object, ...]) -> None:
    path = tmp_path / "test_shells.py"
    path.write_text(
        "from xenproof.results.verdict import TableCell\n\n"
        "def test_shell(commands, in_table):\n"
        '    """The shell is there."""\n'
        '    in_table(TableCell("Shells", "sh", "found"))\n'
        '    assert commands.on_path("sh").yes\n'
    )

    done = run("local://", *workers, path)

    assert [verdict.cell for verdict in done.verdicts] == [TableCell("Shells", "sh", "found")]
    assert "<h2>Shells" in (done.report / "report.html").read_text("utf-8")


@pytest.mark.parametrize("workers", [(), ("-n", 2)])
def test_each_comparison_of_a_check_is_kept(run: Run, tmp_path: Path, workers: tuple[object, ...]) -> None:
    path = tmp_path / "test_twice.py"
    path.write_text(
        "def test_both(documented, expect, target):\n"
        '    """Two things are as they should be."""\n'
        '    expect(documented("first", 1, "a page"), 1, by="one")\n'
        '    expect(documented("second", 2, "a page"), 3, by="two", hint="mend it")\n'
        "def test_many(documented, expect, target):\n"
        '    """Many things are."""\n'
        "    for number in range(1000):\n"
        '        expect(documented("many", number, "a page"), number, by="loop")\n'
    )

    done = run("local://", *workers, path)

    both, many = sorted(done.verdicts, key=lambda verdict: len(verdict.findings))
    assert [(row.expectation, row.expected, row.found, row.by) for row in both.findings] == [
        ("xl.does.first", "1", "1", "one"),
        ("xl.does.second", "2", "3", "two"),
    ]
    assert (both.outcome, both.family, both.finding, both.host) == ("fail", "xl", both.findings[-1], "local://")
    assert {(row.level, row.status) for row in both.findings} == {(Level.MUST, Status.DOCUMENTED)}
    assert re.search(r"expected +2\n", done.output)
    assert 100 < len(many.findings) < 1000
    assert (many.findings[0].expected, many.findings[-1].expected) == ("0", "999")
    assert f"{1000 - len(many.findings)} comparisons are left out" in many.details
    assert many.outcome == "pass"
    page = (done.report / "report.html").read_text("utf-8")
    assert "what it compared before" in page


def test_a_verdict_names_each_host_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "test_pair.py"
    path.write_text(
        "def test_pair(recording, peers, expect, documented):\n"
        '    """There is another host."""\n'
        '    expect(documented("peers", 1, "the call"), len(peers), by="--hosts")\n'
    )
    one, two = (f"recording://{shutil.copy(GOOD, tmp_path / name)}" for name in ("one.json", "two.json"))
    done = Suite(tmp_path / "report").run("--profile=sles12", f"--hosts={one},{two}", str(path))
    found = {verdict.host: verdict.hosts for verdict in done.verdicts}
    assert found == {
        one: (About(one), About(two, Role.PEER)),
        two: (About(two), About(one, Role.PEER)),
    }
    assert done.exit_status == 0, done.output
