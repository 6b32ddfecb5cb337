"""What a peer that nobody has authenticated can write to our terminal: nothing but text."""

import subprocess
import sys
from pathlib import Path

import pytest

from selftest.hostile.logins import ESCAPING
from selftest.hostile.server import hostile
from selftest.lab.suite import REPOSITORY, clean_environment


@pytest.mark.parametrize("name", ESCAPING)
def test_no_escape_of_a_peer_reaches_the_terminal(name: str, tmp_path: Path) -> None:
    with hostile(tmp_path, ESCAPING[name]) as server:
        done = subprocess.run(
            [
                sys.executable, "-c", "from xenproof.cli import main; main()", "record", f"--hosts={server.url}",
                "-o", str(tmp_path / "out.json"), "--identity", str(tmp_path / "id"),
                "--known-hosts", str(tmp_path / "known_hosts"),
            ],
            cwd=REPOSITORY, capture_output=True, timeout=60, check=False,
            # As on a terminal: what decides on colours must not decide on the peer's.
            env={**clean_environment(), "NO_COLOR": "1", "TERM": "xterm", "FORCE_COLOR": ""},
        )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 6, output[-2000:]
    text = output.decode("utf-8", "replace")
    assert [byte for byte in (0x07, 0x1B) if bytes([byte]) in output] == []
    assert [character for character in text if 0x7F <= ord(character) < 0xA0] == []
    assert b"Traceback" not in output
