"""The folder of a run's guests: made once, kept by every worker, gone with the last one, however that ended."""

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from selftest.corpus import transcripts
from xenproof.errors import CommandFailed, GuestError
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.working_folder import WorkingFolder
from xenproof.guest.image.guest_image import GuestImage
from xenproof.source.connection import Completed
from xenproof.source.local import LocalConnection

# A worker of the run: enters the folder, says where it is, and stays until its input ends.
_WORKER = """
import sys
from pathlib import Path
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.working_folder import WorkingFolder
from xenproof.source.local import LocalConnection
folder = WorkingFolder(LocalConnection(), RunIdentity.of(Path(sys.argv[1])), sys.argv[2])
folder.enter()
print(folder.path, flush=True)
sys.stdin.read()
folder.leave()
"""


def worker(run: Path, images: Path) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", _WORKER, str(run), str(images)], stdin=pipe, stdout=pipe, text=True)


def folder_of(process: "subprocess.Popen[str]") -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def wait_gone(folder: Path) -> bool:
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)  # a poll with the deadline above
    return not folder.exists()


def test_workers_share_a_folder_and_the_last_that_leaves_removes_it(tmp_path: Path) -> None:
    run, images = tmp_path, tmp_path / "images" / "not" / "there"
    first, second = worker(run, images), worker(run, images)
    folder = folder_of(first)
    assert folder == folder_of(second)
    assert folder.parent == tmp_path

    first.communicate("", timeout=20)
    assert folder.is_dir()
    second.communicate("", timeout=20)
    assert (first.returncode, second.returncode) == (0, 0)
    assert not folder.exists()


def test_the_folder_of_a_killed_run_is_removed_by_its_host(tmp_path: Path) -> None:
    first, second = worker(tmp_path, tmp_path), worker(tmp_path, tmp_path)
    folder = folder_of(first)
    assert folder_of(second) == folder
    (folder / "disk.raw").touch()

    for process in (first, second):
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)

    assert wait_gone(folder)


def test_a_new_worker_does_not_enter_the_folder_of_dead_ones(tmp_path: Path) -> None:
    first = worker(tmp_path, tmp_path)
    old = folder_of(first)
    (old / "disk.raw").touch()
    first.kill()
    first.communicate(timeout=20)

    folder = WorkingFolder(LocalConnection(), RunIdentity.of(tmp_path), str(tmp_path))
    folder.enter()
    assert list(Path(folder.path).iterdir()) == []
    folder.leave()
    folder.leave()  # a second time does nothing
    assert not Path(folder.path).exists()
    assert wait_gone(old)


def test_a_host_whose_xl_stopped_answering_is_not_called_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An `xl list` that fails shows no guest of ours; that must not be taken for their absence."""
    bin_folder, broken = tmp_path / "bin", tmp_path / "broken"
    bin_folder.mkdir()
    rows = next(row.out for row in transcripts("xen-4.4.1") if row.name == "xl_list_two_guests")
    (bin_folder / "xl").write_text(f"#!/bin/sh\n[ ! -e {broken} ] || exit 1\ncat <<'END'\n{rows}END\n")
    (bin_folder / "sleep").write_text("#!/bin/sh\n")  # the sixty turns that a host gets need no minute here
    for program in bin_folder.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")

    well = WorkingFolder(LocalConnection(), RunIdentity.of(tmp_path / "well"), str(tmp_path))
    well.enter()
    well.leave()
    ill = WorkingFolder(LocalConnection(), RunIdentity.of(tmp_path / "ill"), str(tmp_path))
    ill.enter()
    broken.touch()
    with pytest.raises(GuestError, match="xl list no longer answers"):
        ill.leave()
    assert not Path(ill.path).exists()


def test_a_host_without_the_means_is_an_error_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cat", "mktemp", "sed"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CommandFailed, match="flock"):
        WorkingFolder(LocalConnection(), RunIdentity.of(tmp_path), str(tmp_path)).enter()


def test_a_folder_that_is_to_be_kept_stays_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    folder = WorkingFolder(LocalConnection(), RunIdentity.of(tmp_path), str(tmp_path))
    folder.enter()
    disk = Path(folder.path) / "disk.raw"
    disk.touch()

    folder.keep()
    folder.leave()

    assert disk.is_file()


class Slow(LocalConnection):
    """A host to which files go slowly: until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.sends = self.sent = 0
        self.begun, self.go = threading.Event(), threading.Event()

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Wait before files are received."""
        if "sha256sum" in command:
            self.sends += 1
            self.sent += len(stdin)
            self.begun.set()
            assert self.go.wait(20)
        return super().run(command, limit_s=limit_s, stdin=stdin, max_bytes=max_bytes)


def test_who_wants_no_file_does_not_wait_for_one_that_is_sent(tmp_path: Path) -> None:
    host = Slow()
    # What is the same is sent once, wherever it lies.
    files = [tmp_path / folder / "kernel" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(b"content")
    first, second = (WorkingFolder(host, RunIdentity.of(tmp_path / "run"), str(tmp_path)) for _ in range(2))
    with ThreadPoolExecutor(2) as pool:
        sent = pool.submit(first.put, files[0])
        assert host.begun.wait(20)
        second.enter()
        was_sending = not sent.done()
        wanted = pool.submit(second.put, files[1])
        host.go.set()
        assert sent.result(20) == wanted.result(20)
    assert was_sending
    assert host.sends == 1
    first.keep()  # both are one process, which the first that leaves cannot know
    for folder in (first, second):
        folder.leave()


@pytest.mark.parametrize("begin", [4096, 5000, None], ids=["on a page", "anywhere", "in pieces"])
def test_a_file_that_lies_on_a_disk_is_cut_out_of_it(tmp_path: Path, begin: int | None) -> None:
    kernel, disk = tmp_path / "vmlinuz", tmp_path / "disk.raw.gz"
    content = hashlib.shake_256(b"kernel").digest(10_001)
    kernel.write_bytes(content)
    raw = b"\0" * (begin or 0) + (content if begin else content[5000:] + content[:5000]) + b"\0" * 777
    disk.write_bytes(gzip.compress(raw))
    image = GuestImage(disk, "", hashlib.sha256(raw).hexdigest(), len(raw), 0, "", "", kernel, kernel)
    host = Slow()
    host.go.set()
    folder = WorkingFolder(host, RunIdentity.of(tmp_path / "run"), str(tmp_path))
    assert Path(folder.cut(image, kernel)).read_bytes() == content
    assert host.sent == (len(disk.read_bytes()) if begin else len(content))
    folder.leave()
