"""The boot sector of witness guests, run by the firmware of a PC in QEMU."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selftest.sshd import eventually
from xenproof.guest.image.boot_sector import BOOT_CODE
from xenproof.lab.trial import QEMU


@contextmanager
def pc(folder: Path, cpu: str) -> Iterator[Callable[[], bytes]]:
    """A PC with this processor that boots from a disk of the boot sector alone; what came from its serial port."""
    disk, serial = folder / "disk.raw", folder / "serial.log"
    disk.write_bytes((BOOT_CODE.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
    options = ["-accel", "tcg", "-cpu", cpu, "-m", "32", "-nodefaults", "-display", "none", "-serial", f"file:{serial}"]
    command = [QEMU, *options, "-drive", f"file={disk},format=raw"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            yield lambda: serial.read_bytes() if serial.exists() else b""
        finally:
            process.kill()


@pytest.mark.parametrize(("cpu", "word"), [("max,+svm", "svm"), ("max,-svm", "no"), ("486", "no")])
def test_it_says_what_virtualization_the_processor_has(tmp_path: Path, cpu: str, word: str) -> None:
    with pc(tmp_path, cpu) as said:
        eventually(lambda: said().count(b"\n") > 1, "the serial port speaks, and again", limit_s=60)
        assert set(said().splitlines()[:2]) == {f"XENPROOF1 virtualizes {word}".encode()}


def test_it_leaves_room_for_the_table_of_partitions() -> None:
    assert len(BOOT_CODE) <= 440
