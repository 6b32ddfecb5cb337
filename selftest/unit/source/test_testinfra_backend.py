from pathlib import Path

import pytest

from xenproof.errors import CommandTimedOut
from xenproof.source.connection import Completed
from xenproof.source.local import LocalConnection
from xenproof.source.testinfra_backend import testinfra_host


class Watched(LocalConnection):
    """This machine, and the commands that ran on it."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[str] = []

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        self.commands.append(command)
        return super().run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)


def test_run_quotes_and_gives_all_of_a_result() -> None:
    done = testinfra_host(LocalConnection()).run("echo %s; echo err >&2; exit 3", "a b;c")
    assert (done.stdout, done.stderr, done.rc) == ("a b;c\n", "err\n", 3)


def test_reading_output_never_runs_a_command() -> None:
    host = Watched()
    assert testinfra_host(host).run(r"printf '\303\274\377'").stdout == "ü\ufffd"
    assert len(host.commands) == 1


def test_files_are_seen(tmp_path: Path) -> None:
    (tmp_path / "ü").write_text("content")
    file = testinfra_host(LocalConnection()).file(str(tmp_path / "ü"))
    assert file.exists
    assert file.content_string == "content"
    assert file.mode & 0o400


def test_packages_are_seen() -> None:
    host = testinfra_host(LocalConnection())
    assert not host.package("xenproof-no-such-package").is_installed


def test_a_command_that_hangs_raises() -> None:
    with pytest.raises(CommandTimedOut):
        testinfra_host(LocalConnection(), limit_s=0.3).run("sleep 1000")
