"""QEMU's monitor: a real SIGINT at any moment of the dialogue ends it with one line, never inside of the library."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, clean_environment
from xenproof.errors import LabError
from xenproof.lab.qmp import monitor

LIMIT_S = 30.0
_GREETING = {"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}
_TALK = """
import sys
from pathlib import Path
from xenproof.lab.qmp import monitor

try:
    with monitor(Path(sys.argv[1]), 30) as qmp:
        qmp.wait_for_status("query-status", {"running"}, 30)
except KeyboardInterrupt:
    sys.exit("xenproof: interrupted")
"""


class Monitor:
    """A monitor as QEMU has one, which says nothing more after `answers` messages: the first is its greeting."""

    def __init__(self, folder: Path, answers: int) -> None:
        self.path = folder / "qmp.sock"
        self.silent = threading.Event()
        self._answers = answers
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(LIMIT_S)

    def _serve(self) -> None:
        with suppress(OSError), self._listening.accept()[0] as connection:
            self._say(connection, _GREETING)
            while received := connection.recv(1 << 16):  # one message: the next follows the answer
                asked = json.loads(received)
                answer = {"status": "running"} if asked["execute"] == "query-status" else {}
                self._say(connection, {"return": answer} | {key: asked[key] for key in ("id",) if key in asked})

    def _say(self, connection: socket.socket, message: object) -> None:
        self._answers -= 1
        if self._answers >= 0:
            connection.sendall(json.dumps(message).encode() + b"\n")
        if self._answers <= 0:
            self.silent.set()


@contextmanager
def served(folder: Path, answers: int) -> Iterator[Monitor]:
    made = Monitor(folder, answers)
    try:
        yield made
    finally:
        made.close()


# 0: before the greeting, 1: while it negotiates, 2: in the first command, 3 and later: between commands, or in one.
@pytest.mark.parametrize("answers", [0, 1, 2, 3, 4, 5])
def test_an_interrupt_ends_the_dialogue_with_one_line(tmp_path: Path, answers: int) -> None:
    with served(tmp_path, answers) as its:
        talking = subprocess.Popen(
            [sys.executable, "-c", _TALK, str(its.path)], cwd=REPOSITORY, stderr=subprocess.PIPE, text=True,
            env={**clean_environment(), "PYTHONPATH": str(REPOSITORY)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        try:
            assert its.silent.wait(LIMIT_S)
            talking.send_signal(signal.SIGINT)
            _, printed = talking.communicate(timeout=LIMIT_S)
        finally:
            talking.kill()
    assert printed == "xenproof: interrupted\n"


def test_a_status_that_stays_is_an_error(tmp_path: Path) -> None:
    with served(tmp_path, 99) as its, monitor(its.path) as qmp:
        assert qmp.command("query-status") == {"status": "running"}
        with pytest.raises(LabError, match="still says 'running' after 0 s"):
            qmp.wait_for_status("query-status", {"running"}, 0.1)


def test_a_monitor_that_ends_or_is_silent_is_an_error(tmp_path: Path) -> None:
    with served(tmp_path, 2) as its, monitor(its.path, 0.3) as qmp, pytest.raises(LabError, match="did not do 'stop'"):
        qmp.command("stop")
    with pytest.raises(LabError, match="did not answer within 0 s"), monitor(tmp_path / "none", 0.2):
        pass
