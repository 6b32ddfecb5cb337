"""A run by somebody who may not read what is named: one message, the right exit status, no traceback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.hostile.server import hostile
from selftest.lab.suite import REPOSITORY, clean_environment
from xenproof.errors import SourceError
from xenproof.results.json_file import read_results
from xenproof.source.host_keys import HostKeys

# Root without its right to read what is not its own: as any user, while Python may stay where only root reads it.
RIGHTS = "-dac_override,-dac_read_search"


def as_a_user(command: list[str]) -> list[str]:
    """The command, run without root's right to read everything."""
    if os.geteuid():
        return command
    setpriv = shutil.which("setpriv")
    assert setpriv, "setpriv is not installed; it is needed to run a test as an ordinary user (package util-linux)"
    return [setpriv, f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}", *command]


def ran(command: list[str], environment: dict[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        as_a_user([sys.executable, *command]), cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
        env={**clean_environment(), **(environment or {})},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def suite(report: Path, *options: str) -> list[str]:
    return [
        "-m", "pytest", "--rootdir", str(REPOSITORY), "-c", str(REPOSITORY / "pytest.ini"),
        f"--report={report}", "tests/host", *options,
    ]  # fmt: skip


@pytest.fixture
def locked(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a file that nobody may read, or a folder that nobody may enter where the name ends in a slash."""

    def make(name: str) -> Path:
        path = tmp_path / name
        if name.endswith("/"):
            path.mkdir()
        else:
            path.write_text("x\n")
        path.chmod(0)
        return path

    return make


def is_told(output: str, *words: str) -> None:
    assert [word for word in words if word not in output] == [], output[-3000:]
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert "Exception ignored" not in output


def test_each_host_that_may_not_be_read_is_one_message(tmp_path: Path, locked: Callable[[str], Path]) -> None:
    file, folder = locked("locked"), locked("folder/")
    stored = [f"{scheme}://{path}" for scheme in ("image", "supportconfig", "recording") for path in (file, folder)]
    with hostile(tmp_path) as server:
        hosts = ",".join([server.url, *stored])
        options = [f"--hosts={hosts}", f"--identity={file}", f"--known-hosts={tmp_path / 'known_hosts'}"]
        code, output = ran(suite(tmp_path / "report", "--profile=debian12", *options))
    verdicts = read_results(tmp_path / "report/results.json").verdicts
    is_told(output, "cannot use the identity")
    assert code == 6, output[-3000:]
    reasons = [str(verdict) for verdict in verdicts]
    assert [host for host in [server.url, *stored] if not any(host in reason for reason in reasons)] == []
    said = ("ermission", "may not be read", "it is a directory")
    assert sum(any(word in reason for word in said) for reason in reasons) >= len(stored) + 1


def test_pins_that_may_not_be_read_are_one_message(tmp_path: Path, locked: Callable[[str], Path]) -> None:
    with hostile(tmp_path) as server:
        options = [f"--hosts={server.url}", f"--identity={tmp_path / 'id'}", f"--known-hosts={locked('pins')}"]
        code, output = ran(suite(tmp_path / "report", "--profile=debian12", *options))
    is_told(output, "cannot read the pinned host keys")
    assert code == 6


@pytest.mark.parametrize(
    "options", [("--profile={locked}",), ("--profile={folder}/x.yaml",), ("--profile=debian12", "--report={folder}/x")]
)
def test_what_the_run_needs_and_may_not_use_is_a_wrong_call(
    options: tuple[str, ...], tmp_path: Path, locked: Callable[[str], Path]
) -> None:
    places = {"locked": locked("locked.yaml"), "folder": locked("folder/")}
    words = [word.format(**places) for word in options]
    code, output = ran(suite(tmp_path / "report", "--hosts=recording:///nowhere", *words))
    is_told(output, "ermission")
    assert code == 4, output[-3000:]


def test_a_home_that_may_not_be_entered_is_one_message(tmp_path: Path, locked: Callable[[str], Path]) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh").chmod(0)
    with hostile(tmp_path) as server:
        options = [f"--hosts={server.url}", f"--known-hosts={tmp_path / 'known_hosts'}", "--profile=debian12"]
        # With an agent that has gone, too.
        environment = {"HOME": str(home), "SSH_AUTH_SOCK": str(tmp_path / "gone")}
        code, output = ran(suite(tmp_path / "report", *options), environment)
    is_told(output, "not usable")
    assert code == 6, output[-3000:]


def test_a_user_without_a_home_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(path: Path) -> Path:
        if str(path).startswith("~"):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.setattr(Path, "expanduser", nowhere)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with hostile(tmp_path) as server, pytest.raises(SourceError, match=r"not usable: Could not determine home"):
        server.connect(identity=None)
    with pytest.raises(SourceError, match=r"cannot read the pinned host keys in ~/.ssh/known_hosts: Could not"):
        HostKeys.read()
