"""The probe of processes on real shells: whether a daemon still runs from the file that is installed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenproof.facts.processes import PROCESSES
from xenproof.probing.probes import host_probe
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput

PROFILE = load_profile("debian12")
SHELLS = {"dash": [], "bash": ["--posix"], "busybox": ["sh"]}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is called as libvirt's daemon is."""
    program = shutil.which("sleep")
    assert program
    shutil.copy(program, tmp_path / "libvirtd")
    with subprocess.Popen([tmp_path / "libvirtd", "600"]) as process:
        yield process
        process.kill()


def file_of(process: subprocess.Popen[bytes], shell: str, folder: Path) -> str | None:
    script = host_probe(PROFILE).script.replace("/usr/sbin/", f"{folder}/")
    program = shutil.which(shell)
    assert program, f"{shell} is not installed"
    done = subprocess.run([program, *SHELLS[shell], "-c", script], capture_output=True, timeout=60, check=False)
    return PROCESSES.parse(ProbeOutput("host", done.stdout, b"", 0)).files.get(process.pid)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_daemon_whose_file_was_replaced_is_told(shell: str, daemon: subprocess.Popen[bytes], tmp_path: Path) -> None:
    installed = tmp_path / "libvirtd"
    assert file_of(daemon, shell, tmp_path) == str(installed)
    shutil.copy(installed, tmp_path / "new")
    (tmp_path / "new").replace(installed)
    assert file_of(daemon, shell, tmp_path) == f"{installed} (deleted)"
    installed.unlink()
    assert file_of(daemon, shell, tmp_path) is None, "where no such file is installed, there is nothing to compare"
