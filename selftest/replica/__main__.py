"""`python -m selftest.replica`: the replica of SLES 12 by hand."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from selftest.mutants.bases import replica_recording
from selftest.replica.live import served
from selftest.replica.replica import make
from xenproof.profile.load import load_profile

PROFILE = "sles12"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is that of the command which was run in the replica, else 0."""
    parser = argparse.ArgumentParser(prog="python -m selftest.replica", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    built = commands.add_parser("build", help="build it in a new folder, and say how to enter it")
    built.add_argument("folder", type=Path)
    commands.add_parser("record", help=f"build it and replace its recording, {replica_recording(PROFILE).name}")
    ran = commands.add_parser("run", help="build it, run a shell command in it, and throw it away")
    ran.add_argument("shell", metavar="COMMAND")
    given = parser.parse_args(arguments)
    if given.command == "build":
        given.folder.mkdir(parents=True)
        replica = make(given.folder.resolve())
        sys.stdout.write(f"its root directory: {replica.root}\na shell in it: {' '.join(replica.enter())}\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="xenproof-replica-") as folder:
        replica = make(Path(folder) / "host")
        if given.command == "run":
            return subprocess.run(replica.enter(given.shell), check=False).returncode
        with served(replica, Path(folder) / "ssh") as live:
            text = live.record(load_profile(PROFILE)).to_json()
        replica_recording(PROFILE).parent.mkdir(exist_ok=True)
        replica_recording(PROFILE).write_text(f"{text}\n", "utf-8")
        sys.stdout.write(f"recorded: {replica_recording(PROFILE)}\n")
        return 0


if __name__ == "__main__":
    sys.exit(main())
