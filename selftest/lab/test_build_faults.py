"""Builds that cannot succeed: a download that is cut short, a disk that fills.  Nothing half-built is ever used."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from selftest.lab.suite import REPOSITORY, Suite, clean_environment
from xenproof.lab import host as lab
from xenproof.lab.apt_sources import debian_mirrors
from xenproof.lab.archive import find_pockets
from xenproof.lab.recipe import load_recipe
from xenproof.run import cache
from xenproof.run.progress import Silent

PATIENCE_S = 240.0
_SOURCE = "xenproof-test"
LAB = ("--profile=debian12", "--hosts=lab://debian12", "tests/host")


class Relay(ThreadingHTTPServer):
    """This machine's own Debian mirror, on loopback, with one package that never arrives whole."""

    def __init__(self, folder: Path, *, honest: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.honest = folder, honest
        pockets = find_pockets(load_recipe("debian12").suites, debian_mirrors())
        self.mirrors = {pocket.suite: pocket.uri for pocket in pockets}
        self.cut: set[str] = set()

    @property
    def url(self) -> str:
        """The address of the release; security updates are in a folder beside it."""
        return f"http://127.0.0.1:{self.server_port}/debian"

    def address(self, path: str) -> str:
        """Where the file at `path` of this server comes from."""
        folder, _, rest = path.removeprefix("/").partition("/")
        return self.mirrors["bookworm-security" if folder == "debian-security" else "bookworm"] + rest


class _Handler(BaseHTTPRequestHandler):
    server: Relay
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        local = self.server.folder / self.path.replace("/", "_")
        # apt's own helper knows how this machine reaches its mirror.
        fetched = subprocess.run(
            ["/usr/lib/apt/apt-helper", "download-file", self.server.address(self.path), str(local)],
            capture_output=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        if fetched.returncode:
            self.send_error(404)
            return
        data = local.read_bytes()
        cut = self.path.endswith(".deb") and (not self.server.cut or self.path in self.server.cut)
        if cut:
            self.server.cut.add(self.path)
        short = data[: len(data) // 2] if cut else data
        self.send_response(200)
        self.send_header("Content-Length", str(len(short if self.server.honest else data)))
        self.end_headers()
        self.wfile.write(short)
        self.close_connection = cut

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.hostless
@pytest.mark.parametrize("honest", [True, False], ids=["a shorter file", "a broken transfer"])
def test_a_truncated_package_ends_the_build(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: bool
) -> None:
    with Relay(tmp_path, honest=honest) as relay:
        thread = threading.Thread(target=relay.serve_forever)
        thread.start()
        monkeypatch.setenv("XENPROOF_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("XENPROOF_MIRROR", relay.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        try:
            run = suite.run(*LAB)
        finally:
            relay.shutdown()
            thread.join()

    assert relay.cut
    assert run.exit_status == 6, run.output
    assert [verdict.outcome for verdict in run.verdicts] == ["error"]
    assert next(iter(relay.cut)).rpartition("/")[2].partition("_")[0] in run.verdicts[0].reason
    assert nothing_built(tmp_path / "cache")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of a size that a test changes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root: run this test as root")
    folder = tmp_path / "cache"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6g", _SOURCE, str(folder)], check=True, timeout=30)
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=30)


def shrink(folder: Path, free_mib: int) -> None:
    """Leave about so much room in `folder`, whatever is there."""
    deadline = time.monotonic() + PATIENCE_S
    while not _resize(folder, free_mib):
        assert time.monotonic() < deadline


def _resize(folder: Path, free_mib: int) -> bool:
    """Whether there is room for what was written meanwhile: the kernel refuses a size below that."""
    usage = os.statvfs(folder)
    used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize >> 20
    # With its source, so that mount does not look it up.
    options = ["-o", f"remount,size={used + free_mib}m", "-t", "tmpfs", _SOURCE]
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False, timeout=30)
    # mount(8) says this of EINVAL, which is what tmpfs says then.
    assert done.returncode == 0 or "bad option" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.mark.hostless
def test_a_disk_that_fills_during_a_build_ends_it(suite: Suite, small_disk: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {**clean_environment(), "XENPROOF_CACHE": str(small_disk)}
    with (
        output.open("wb") as out,
        subprocess.Popen(
            suite.command(*LAB), cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT, env=environment
        ) as process,
    ):
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not list(small_disk.glob("images/*.building/mmdebstrap.*/usr")):
                assert process.poll() is None, output.read_text("utf-8", "replace")
                assert time.monotonic() < deadline
                time.sleep(0.1)  # a poll with the deadline above
            shrink(small_disk, 20)
            assert process.wait(PATIENCE_S) == 6, output.read_text("utf-8", "replace")
        finally:
            process.terminate()  # where that failed
    assert "the disk has filled" in " ".join(output.read_text("utf-8", "replace").split())
    assert nothing_built(small_disk)


def test_a_cache_without_room_for_a_run_is_said(
    suite: Suite, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.ensure_built("debian12", Silent())
    (small_disk / "images").symlink_to(cache.cache_folder() / "images")
    shrink(small_disk, 100)
    monkeypatch.setenv("XENPROOF_CACHE", str(small_disk))

    run = suite.run(*LAB)

    assert run.exit_status == 6, run.output
    assert "running the lab host debian12 needs 1.0 GiB free" in run.verdicts[0].reason
    assert list((small_disk / "runs").glob("*-*")) == []


def nothing_built(folder: Path) -> bool:
    """Whether a cache holds no image, finished or not."""
    return not [path for path in (folder / "images").iterdir() if path.is_dir()]
