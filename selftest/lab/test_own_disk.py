"""A lab host from a disk image of the user's own, which is never written to."""

import hashlib
import subprocess
from os.path import relpath
from pathlib import Path

import pytest

from selftest.lab.suite import Suite
from xenproof.lab.host import ensure_built
from xenproof.run.progress import Silent

pytestmark = pytest.mark.releases  # it boots from the start, as each run of such a host does


def hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_a_host_of_a_qcow2_conforms_and_its_files_stay_as_they_were(suite: Suite, tmp_path: Path) -> None:
    """One with a backing file, as build systems make them, which the user has to allow."""
    _, _, image, _ = ensure_built("debian12", Silent())
    disk = tmp_path / "host.qcow2"
    overlay = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", relpath(image.disk, tmp_path), str(disk)]
    subprocess.run(overlay, check=True)
    before = [hashed(path) for path in (disk, image.disk)]
    host = ["--profile=debian12", f"--hosts=lab://{disk}", "tests/host"]

    refused = suite.run(*host, f"--identity={image.key}")
    assert refused.exit_status == 6
    assert "allow it with --backing" in refused.output
    assert suite.run(*host).exit_status == 4

    run = suite.run(*host, f"--identity={image.key}", f"--backing={image.disk}", limit_s=900)
    assert run.exit_status == 0, run.output
    assert {verdict.outcome for verdict in run.verdicts} == {"pass", "not applicable"}
    assert run.results.hosts[0].facts["built from"] == f"the disk image {disk}"
    assert [hashed(path) for path in (disk, image.disk)] == before
