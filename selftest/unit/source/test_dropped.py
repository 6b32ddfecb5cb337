"""What is only dropped, as by a run that is interrupted twice, is left while Python ends, and does not hold that up."""

import subprocess
import sys
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY
from selftest.sshd import starter

CODE = """
import sys
from pathlib import Path
from selftest.sshd import Server
from xenproof.source.local import LocalConnection
folder, port, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
connection = Server(folder, port, None).connect() if port else LocalConnection()

def dropped():
    if how == "run":
        with connection.beside("sleep 1000", limit_s=1000.0):
            yield
    else:
        with connection.follow("cat", keep_stdin=how == "kept"):
            yield

held = dropped()
next(held)
# As a fixture of pytest: gone when Python clears the modules, and in a circle.
sys.modules["held"] = held
held_too = [held]
held_too.append(held_too)
"""


@pytest.mark.parametrize(
    ("where", "how"), [("ssh", "kept"), ("ssh", "followed"), ("ssh", "run"), ("local", "kept"), ("local", "followed")]
)
def test_a_dropped_command_does_not_hold_up_the_end_of_python(where: str, how: str, tmp_path: Path) -> None:
    with starter(tmp_path) as begin:
        server = begin()
        server.wait_until_it_listens()
        port = server.port if where == "ssh" else 0
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(tmp_path), str(port), how],
            cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
