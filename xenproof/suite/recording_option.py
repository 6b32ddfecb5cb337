"""`--record FILE`: writes the output of the host in this run, for probes and for users' own checks, as a recording."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from xenproof.errors import UsageError
from xenproof.hosts.target import Target
from xenproof.source.address import Address
from xenproof.source.commands import noted

NOTES = "commands-*.jsonl"


def check_recordable(file: Path, addresses: Sequence[Address]) -> None:
    """Raise UsageError, before anything is touched, where `file` could not be written at the end."""
    if len(addresses) != 1:
        raise UsageError(
            f"--record {file} keeps one host, found {len(addresses)} in --hosts; record each in a run of its own"
        )
    if not file.parent.is_dir() or file.is_dir():
        raise UsageError(f"cannot write the recording to {file}: expected a file in a folder that is there")


def keep_recording(file: Path, target: Target, folder: Path) -> str:
    """Write the recording of `target` with the commands that were noted in `folder`; returns a message for the user.

    Raises XenproofError if there is nothing to write, or it cannot be written.
    """
    recording = dataclasses.replace(target.read(), commands=noted(sorted(folder.glob(NOTES))))
    recording.write(file)
    number = len({found.command for found in recording.commands})
    own = f", with {number} commands of your own checks" if number else ""
    return f"recorded {target.url} in {file}{own}"
