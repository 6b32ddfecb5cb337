"""A lab host from a disk image of the user's own, which is never written to."""

import hashlib
import subprocess
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
    base, disk = tmp_path / "base.raw", tmp_path / "host.qcow2"
    subprocess.run(["cp", "--sparse=always", str(image.disk), str(base)], check=True)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base.name, str(disk)], check=True)
    before = [hashed(path) for path in (disk, base)]
    host = ["--profile=debian12", f"--hosts=lab://{disk}", "tests/host"]

    refused = suite.run(*host, f"--identity={image.key}")
    assert refused.exit_status == 6, refused.output
    assert "allow it with --backing" in " ".join(refused.output.split()), refused.output
    unkeyed = suite.run(*host)
    assert unkeyed.exit_status == 4, unkeyed.output

    run = suite.run(*host, f"--identity={image.key}", f"--backing={base}", limit_s=900)
    assert run.exit_status == 0, run.output
    assert {verdict.outcome for verdict in run.verdicts} == {"pass", "not applicable"}
    assert run.results.hosts[0].facts["built from"] == f"the disk image {disk}"
    assert [hashed(path) for path in (disk, base)] == before
