"""What is refused before a disk of the user's own is booted: QEMU would open every file that the image names."""

from pathlib import Path

import pytest

from selftest.images.hostile_qcow2 import make_qcow2
from xenproof.errors import SourceError, UsageError
from xenproof.lab import accel
from xenproof.lab.own_disk import up_disk
from xenproof.run.progress import Silent


@pytest.fixture(autouse=True)
def no_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    def started() -> None:
        raise AssertionError("it would have been booted")

    monkeypatch.setattr(accel, "choose", started)


def test_a_key_to_log_in_with_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--identity FILE"):
        up_disk("lab://host.raw", tmp_path / "host.raw", None, Silent())


def test_too_little_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="found 512"):
        up_disk("lab://host.raw", tmp_path / "host.raw", tmp_path / "key", Silent(), memory_mib=512)


def test_a_disk_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        up_disk("lab://host.raw", tmp_path / "host.raw", tmp_path / "key", Silent())


def test_a_backing_file_that_was_not_allowed_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 65536)
    disk = tmp_path / "host.qcow2"
    make_qcow2(disk, backing="secret")
    with pytest.raises(SourceError, match="allow it with --backing"):
        up_disk("lab://host.qcow2", disk, tmp_path / "key", Silent())
    with pytest.raises(AssertionError, match="would have been booted"):
        up_disk("lab://host.qcow2", disk, tmp_path / "key", Silent(), backing=(secret,))
