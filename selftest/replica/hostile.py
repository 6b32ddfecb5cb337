"""Hosts that misbehave: the live replica with other files, programs that are gone, or a shell that starts otherwise.

Only the commands that ssh runs see it: the replica itself stays as it is, for all other tests.
"""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from selftest.replica.live import LiveReplica, served
from selftest.replica.replica import Replica, write_enter
from selftest.replica.tools import PLACE


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a host.

    `files` are put in the place of files that are there; the mode is kept.  `gone` are the borrowed programs
    that it lacks.  `first` is shell text that runs before each command; `"$1/root"` is the host's root directory.
    """

    files: Mapping[str, str | bytes] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    first: str = ""


@contextmanager
def hostile(replica: Replica, folder: Path, damage: Damage) -> Iterator[LiveReplica]:
    """Serve the replica with the damage by ssh while the context lasts; `folder` is made for what that needs."""
    folder.mkdir()
    change = folder / "change.sh"
    change.write_text("".join(_lines(replica, folder, damage)), "utf-8")
    write_enter(replica, folder / "enter", change)
    with served(replica, folder / "sshd", folder / "enter") as running:
        yield running


def original(replica: Replica, path: str) -> str:
    """The text of a file of the good replica, for one that differs from it."""
    return _on_this_machine(replica, path).read_text("utf-8")


def _on_this_machine(replica: Replica, path: str) -> Path:
    """Where a file of the running replica is, seen from here."""
    folder = replica.folder / "running" if path.startswith("/run/") else replica.root
    return folder / path.lstrip("/")


def _lines(replica: Replica, folder: Path, damage: Damage) -> Iterator[str]:
    if damage.gone:
        # What is gone has to be found by nobody: an empty file in its place would still be one.
        tools = f'"$1/root{PLACE}/bin"'
        yield f'/bin/mount -t tmpfs tools {tools}\n/bin/cp -a "$1/running{PLACE}/bin/." {tools}\n'
        yield "".join(f"/bin/rm {tools}/{name}\n" for name in damage.gone)
    for number, (path, content) in enumerate(damage.files.items()):
        new, old = folder / f"file-{number}", _on_this_machine(replica, path)
        new.write_bytes(content.encode() if isinstance(content, str) else content)
        new.chmod(old.stat().st_mode & 0o7777)
        yield f'/bin/mount --bind {shlex.quote(str(new))} "$1/root"{shlex.quote(path)}\n'
    yield damage.first
