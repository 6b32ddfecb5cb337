"""The probe of packages' integrity on the shells of hosts, with package managers that say much, little or no end."""

import shutil
import subprocess
from pathlib import Path

import pytest

from xenproof.errors import ParseError
from xenproof.facts.integrity import integrity_probe, parse_integrity
from xenproof.probing.sections import printed
from xenproof.profile.load import load_profile
from xenproof.source.probe import ProbeOutput

PROFILE = load_profile("debian12")
every_shell = pytest.mark.parametrize("shell", [["dash"], ["bash"], ["busybox", "sh"]], ids=lambda words: words[0])


@every_shell
@pytest.mark.parametrize(
    ("rpm", "verified", "rows"),
    [
        (":", "verified 0", []),
        ("echo 'S.5......    /usr/sbin/xl'; exit 0", "verified 0", ["S.5......    /usr/sbin/xl"]),
        ("echo one; echo two >&2; exit 125", "verified 125", ["one", "two"]),
        ("printf 'no end of a line'; exit 1", "verified 1", ["no end of a line"]),
        ("echo; echo verified 0; exit 7", "verified 7", ["", "verified 0"]),
        ("exit 1", "verified 1", []),
    ],
)
def test_the_probe_tells_what_the_package_manager_says(
    shell: list[str], rpm: str, verified: str, rows: list[str], tmp_path: Path
) -> None:
    assert run_verify(shell, rpm, tmp_path).split("\n")[1:] == [verified, *rows, ""]


@every_shell
def test_a_package_manager_that_never_stops_is_cut_and_not_believed(shell: list[str], tmp_path: Path) -> None:
    # What is cut off in the middle would end in a whole number.
    text = run_verify(shell, "while :; do printf '%1023s 0'; done", tmp_path)
    assert len(text) < 1 << 21
    with pytest.raises(ParseError, match=r"no exit code, but a mebibyte|letters"):
        parse_integrity(ProbeOutput("integrity", printed("integrity", text).encode(), b"", 0))


def run_verify(shell: list[str], rpm: str, folder: Path) -> str:
    """What the probe's first part prints where rpm is this shell text, without the lines of what is verified."""
    (folder / "rpm").write_text(f"#!/bin/sh\n{rpm}\n", "utf-8")
    (folder / "rpm").chmod(0o755)
    for name in ("head", "tail"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    program = shutil.which(shell[0])
    assert program, f"{shell[0]} is not installed; the probes have to run on it"
    script = section_command(integrity_probe(PROFILE).script, "integrity")
    command = [program, *shell[1:], "-c", script]
    done = subprocess.run(
        command, env={"PATH": str(folder), "LC_ALL": "C"}, capture_output=True, timeout=60, check=False
    )
    lines = done.stdout.decode().split("\n")
    return "\n".join(line for line in lines if not line.startswith("sums "))


def section_command(script: str, name: str) -> str:
    """The shell text of one section of a probe."""
    return script.partition("\n")[2].partition(f"\nprintf '\\n@@{name}")[0]
