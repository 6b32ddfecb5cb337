"""scripts/setup: what it says and does where something is missing, nothing is, or an earlier run was cut off."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# What the script calls besides bash itself, Python and apt.
TOOLS = ("bash", "cat", "cut", "dirname", "flock", "grep", "id", "mkdir", "rm", "sha256sum")
# Stands where Python does, so that no package is installed: it makes itself a .venv and notes each call of pip.
PYTHON = """\
#!/bin/sh
case "$1 $2" in
  "-V "*) echo "Python 3.12.1" ;;
  "-m venv")
    mkdir -p "$3/bin"; cat "$0" >"$3/bin/python"; chmod +x "$3/bin/python"; echo "$3" >"$3/bin/activate"
    echo venv >>"$CALLS" ;;
  "-m pip") echo "$*" >>"$CALLS"; exit "$PIP_STATUS" ;;
esac
"""


@dataclass
class Clone:
    """A clone of the repository on a machine that has only what `bin` holds."""

    folder: Path
    bin: Path
    pip_status: int = 0

    def setup(self, purpose: str) -> subprocess.CompletedProcess[str]:
        calls = str(self.folder / "calls")
        return subprocess.run(
            ["/bin/bash", str(self.folder / "scripts" / "setup"), purpose],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={"PATH": str(self.bin), "CALLS": calls, "PIP_STATUS": str(self.pip_status)},
        )

    def calls(self) -> list[str]:
        """What was called since the last look: "venv", or pip with its arguments."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line.split()[0] if line == "venv" else f"pip {line.split()[-1]}" for line in lines]


@pytest.fixture
def bare(tmp_path: Path) -> Clone:
    """A machine with neither Python nor apt nor a lab."""
    clone = Clone(tmp_path / "clone", tmp_path / "bin")
    (clone.folder / "scripts").mkdir(parents=True)
    clone.bin.mkdir()
    # Only `bin` counts, not the sbin folders of the machine that runs this test.
    script = (ROOT / "scripts" / "setup").read_text().replace(":/usr/sbin:/sbin", "")
    (clone.folder / "scripts" / "setup").write_text(script)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, clone.folder)
    for name in (*TOOLS, "chmod"):
        found = shutil.which(name)
        assert found is not None
        (clone.bin / name).symlink_to(found)
    return clone


@pytest.fixture
def clone(bare: Clone) -> Clone:
    """A machine with a Python."""
    (bare.bin / "python3").write_text(PYTHON)
    (bare.bin / "python3").chmod(0o755)
    return bare


def test_an_unknown_purpose_is_refused(bare: Clone) -> None:
    done = bare.setup("cnform")
    assert (done.returncode, done.stdout) == (4, "")
    assert "conform|test|check|fuzz" in done.stderr


def test_without_apt_each_missing_package_is_named_with_what_needs_it(bare: Clone) -> None:
    done = bare.setup("conform")
    assert done.returncode == 1
    for package, need in {
        "qemu-system-x86": "runs the Xen host",
        "mmdebstrap": "builds the image",
        "python3": "3.11",
    }.items():
        assert any(line.split()[0] == package and need in line for line in done.stderr.splitlines() if line), package
    assert "no apt-get" in done.stderr
    assert not (bare.folder / ".venv").exists()


def test_without_sudo_the_command_for_root_is_said(clone: Clone) -> None:
    (clone.bin / "id").unlink()
    for name, text in {"apt-get": "exit 100", "id": "echo 1000"}.items():
        (clone.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (clone.bin / name).chmod(0o755)
    done = clone.setup("conform")
    assert done.returncode == 1
    assert re.search(r"as root, run: apt-get install .*qemu-system-x86.* fakeroot uidmap", done.stderr)


def test_the_second_time_nothing_is_done_or_said(clone: Clone) -> None:
    assert clone.setup("check").returncode == 0
    assert clone.calls() == ["venv", "pip .[dev,image]"]
    done = clone.setup("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert clone.calls() == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_dependency_is_installed_into_the_same_environment(clone: Clone, name: str) -> None:
    clone.setup("check")
    clone.calls()
    with (clone.folder / name).open("a") as out:
        out.write("# changed\n")
    assert clone.setup("check").returncode == 0
    assert clone.calls() == ["pip .[dev,image]"]


def with_programs(clone: Clone) -> Clone:
    """The machine has every program of the lab."""
    script = clone.folder / "scripts" / "setup"
    script.write_text(script.read_text().replace("need_programs() {", "need_programs() {\n  return 0"))
    return clone


def test_what_fuzzing_needs_is_installed_for_it_alone_and_stays(clone: Clone) -> None:
    with_programs(clone)
    assert clone.setup("check").returncode == 0
    assert clone.calls() == ["venv", "pip .[dev,image]"]
    assert clone.setup("fuzz").returncode == 0
    assert clone.calls() == ["pip .[dev,image,fuzz]"]
    for purpose in ("fuzz", "test", "check", "conform"):
        assert (purpose, clone.setup(purpose).stderr) == (purpose, "")
    assert clone.calls() == []
    with (clone.folder / "constraints.txt").open("a") as out:
        out.write("# changed\n")
    assert clone.setup("check").returncode == 0
    assert clone.calls() == ["pip .[dev,image,fuzz]"]


def test_an_environment_that_was_moved_is_made_again(clone: Clone, tmp_path: Path) -> None:
    clone.setup("check")
    clone.calls()
    clone.folder = clone.folder.rename(tmp_path / "moved")
    assert clone.setup("check").returncode == 0
    assert clone.calls() == ["venv", "pip .[dev,image]"]


def test_an_interrupted_installation_is_begun_again(clone: Clone) -> None:
    clone.pip_status = 1
    done = clone.setup("check")
    assert done.returncode == 1
    assert "pip could not install" in done.stderr
    clone.calls()
    clone.pip_status = 0
    done = clone.setup("check")
    assert done.returncode == 0
    assert "half made" in done.stderr
    assert clone.calls() == ["venv", "pip .[dev,image]"]
    assert clone.setup("check").stderr == ""
