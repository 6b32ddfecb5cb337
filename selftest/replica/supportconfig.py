"""A supportconfig of the replica, as supportutils 3.0 would write it there: a directory, and its archive."""

import subprocess
import tarfile
from pathlib import Path

from selftest.replica.description import HERE
from selftest.replica.replica import Replica
from xenproof.source.script import COMMAND

_LIMIT_S = 120
# How supportconfig names what it writes: nts_HOST_DATE_TIME.
NAME = "nts_xenproof-replica_141027_0900"


def collect(replica: Replica, folder: Path) -> Path:
    """Write the directory of a supportconfig below `folder`; raises RuntimeError if the replica does not answer."""
    done = subprocess.run(
        replica.enter(COMMAND), input=(HERE / "supportconfig.sh").read_bytes(), capture_output=True,
        timeout=_LIMIT_S, check=False,
    )  # fmt: skip
    noise, *files = done.stdout.split(b"\x1e")
    if done.returncode != 0 or noise or not files:
        raise RuntimeError(
            f"the replica's supportconfig ended with {done.returncode}: {(noise + done.stderr)[-500:]!r}"
        )
    collected = folder / NAME
    collected.mkdir()
    for file in files:
        name, _, text = file.partition(b"\n")
        (collected / name.decode("ascii")).write_bytes(text)
    return collected


def pack(collected: Path) -> Path:
    """The archive of that directory, as supportconfig compresses it by default."""
    archive = collected.with_suffix(".tbz")
    with tarfile.open(archive, "w:bz2") as tar:
        tar.add(collected, collected.name)
    return archive
