"""The lab hosts that run now, and the remains of those whose runner was killed."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from filelock import FileLock

from xenproof.codec import from_plain, to_plain
from xenproof.errors import LabError, ParseError
from xenproof.run.cache import cache_folder, made
from xenproof.run.process_identity import ProcessIdentity


@dataclass(frozen=True, slots=True)
class Member:
    """A host of a pair: the pair's own word, and the host's name and address on the wire to the other host."""

    pair: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Run:
    """One lab host in its own folder.

    `owner` is the process with which it ends, None for a host that stays until `xenproof lab down`.
    `qemu` is None while the host is being started.  `release` is the host's name in its URL, as in "debian12?cpu=-aes";
    `member` is None for a host alone.
    """

    folder: Path
    release: str
    owner: ProcessIdentity | None
    qemu: ProcessIdentity | None = None
    port: int = 0
    accelerator: str = ""
    member: Member | None = None

    def save(self) -> None:
        """Write the run's state into its folder atomically."""
        draft = self.folder / "run.json.new"
        draft.write_text(json.dumps(to_plain(self)), "utf-8")
        draft.replace(self.folder / "run.json")

    def alive(self) -> bool:
        """Whether the run is in use: its owner lives, or it has none and its QEMU lives."""
        holder = self.owner or self.qemu
        return holder is not None and holder.alive()

    def remove(self) -> None:
        """Kill its QEMU, if that very process still runs, and remove its folder."""
        if self.qemu is not None:
            self.qemu.kill()
        elif (pid := _pid_in(self.folder)) is not None:
            pid.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_run(release: str, owner: ProcessIdentity | None) -> Run:
    """Create a folder for a run, after removing what dead runs left; raises LabError if that fails."""
    try:
        with _locked() as folder:
            _clean(folder)
            run = Run(Path(mkdtemp(prefix=f"{_plain(release)}-", dir=folder)), release, owner)
            # A detached host has no owner once it is up; until then it ends with the process that starts it.
            (run if owner else Run(run.folder, release, ProcessIdentity.of(os.getpid()))).save()
    except OSError as error:
        raise LabError(f"cannot make a folder for a run in {runs_folder()}: {error}") from error
    return run


def running() -> list[Run]:
    """All runs that are in use."""
    return [run for run in _all(runs_folder()) if run.alive()]


def clean() -> list[Run]:
    """Remove what dead runs left, and return these runs."""
    with _locked() as folder:
        return _clean(folder)


def runs_folder() -> Path:
    """The folder that contains the folders of runs."""
    return cache_folder() / "runs"


@contextmanager
def _locked() -> Iterator[Path]:
    folder = made(runs_folder())
    with FileLock(folder / ".lock"):
        yield folder


def _clean(folder: Path) -> list[Run]:
    dead = [run for run in _all(folder) if not run.alive()]
    for run in dead:
        run.remove()
    return dead


def _all(folder: Path) -> list[Run]:
    # Folders without a state count, too: their run was killed before it wrote one, or during its removal.
    return [_load(run) for run in sorted(folder.glob("*-*")) if run.is_dir()]


def _load(folder: Path) -> Run:
    try:
        data = json.loads((folder / "run.json").read_text("utf-8"))
        return from_plain(Run, {**data, "folder": folder})
    except (OSError, ValueError, TypeError, ParseError):
        # The file is truncated or not ours: no living process belongs to it.
        return Run(folder, "unknown", None)


def _plain(name: str) -> str:
    """`name` without what QEMU's options, or a shell, would read as something else than a part of a path."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name)


def _pid_in(folder: Path) -> ProcessIdentity | None:
    """The QEMU of a runner that was killed before it wrote run.json, from the pid file, if it is this run's QEMU."""
    try:
        pid = int((folder / "qemu.pid").read_text("ascii"))
        # The number may belong to another process by now: only a QEMU whose command line names our folder is ours.
        if str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return ProcessIdentity.of(pid)
    except (OSError, ValueError):
        pass
    return None
