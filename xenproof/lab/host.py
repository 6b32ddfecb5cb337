"""Starts, finds, connects to and ends a lab host."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from xenproof.errors import LabError, SourceError
from xenproof.lab import accel
from xenproof.lab.child import bound_to_parent, end, tail
from xenproof.lab.image import Image, ensure_image
from xenproof.lab.machine import Wiring, command
from xenproof.lab.pair import Place
from xenproof.lab.provenance import too_old
from xenproof.lab.qmp import monitor
from xenproof.lab.ready import LoginFiles, connect, forwarded_port, pin
from xenproof.lab.recipe import Recipe, load_recipe
from xenproof.lab.shared import Shared, shared_by_none
from xenproof.lab.snapshot import Snapshot, ensure_snapshot, overlay
from xenproof.programs import require
from xenproof.run import runs
from xenproof.run.cache import made, require_space
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.progress import Progress
from xenproof.source.lab_name import LabName
from xenproof.source.ssh import SSHConnection

UP_LIMIT_S = 120.0
# The disk space for what a run writes over its snapshot: 0.1 GiB were seen; on a full disk, QEMU pauses the host.
RUN_GIB = 1.0


class Bootable(LoginFiles, Protocol):
    """What a lab host runs from: the image of a recipe, or a disk of the user's own."""

    @property
    def origin(self) -> str:
        """What it was built from, for the report."""


class LabHost:
    """A running lab host, with an overlay of its own that is removed with it."""

    def __init__(self, run: runs.Run, image: Bootable, url: str = "") -> None:
        self.run = run
        self.image = image
        self.url = url or f"lab://{run.release}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def serial(self) -> Path:
        """The log of the host's serial console, with the output of hypervisor and dom0."""
        return self.run.folder / "serial.log"

    def connect(self, limit_s: float = UP_LIMIT_S) -> SSHConnection:
        """A connection as root; raises LabError with the end of the serial log if it cannot be opened in time."""
        try:
            return connect(self.image, self.url, self.run.port, self.run.folder, limit_s)
        except SourceError as error:
            raise LabError(f"{self.url} does not answer: {error}; {tail(self.serial)}") from error

    def start(
        self, words: Sequence[str], accelerator: accel.Accelerator, wiring: Wiring, *, descriptors: Sequence[int] = (),
        detached: bool = False, incoming: bool = False,
    ) -> None:  # fmt: skip
        """Start its QEMU with this command line, and note in the run's file how the host is reached.

        QEMU gets these `descriptors`, ends with this process unless it is `detached`, and with `incoming` continues
        when it has read the state of a machine.  Raises LabError with the end of QEMU's log.
        """
        log = self.run.folder / "qemu.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [require(words[0]), *words[1:]] if detached else bound_to_parent(signal.SIGKILL, words),
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, pass_fds=descriptors,
                cwd=self.run.folder, start_new_session=True,
            )  # fmt: skip
        try:
            with monitor(wiring.monitor, 60) as qmp:
                if incoming:
                    qmp.wait_for_status("query-status", {"inmigrate"}, 120)
                    qmp.command("cont")
                port = forwarded_port(qmp)
        except LabError as error:
            raise LabError(f"QEMU does not run {self.url}: {error}; {tail(log)}") from error
        self.run = replace(
            self.run, owner=None if detached else self.run.owner, qemu=ProcessIdentity.of(self._process.pid), port=port,
            accelerator=accelerator.name,
        )  # fmt: skip
        self.run.save()

    def down(self) -> None:
        """End the host and remove its files."""
        if self._process is not None:
            end(self._process, 5.0)
        self.run.remove()


def ensure_built(
    release: str, progress: Progress, memory_mib: int | None = None, *, fresh: bool = False, allow_expired: bool = False
) -> tuple[Recipe, accel.Accelerator, Image, Snapshot]:
    """The recipe, accelerator, image and snapshot of `release`, built and booted if they do not exist; see `up`.

    `fresh` and `allow_expired` are those of `ensure_image`.
    """
    name = LabName.parse(release)
    recipe = load_recipe(name.release)
    if memory_mib is not None:
        recipe = recipe.with_memory(memory_mib)
    accelerator = accel.choose(name.lacks)
    image = ensure_image(recipe, accelerator, progress, fresh=fresh, allow_expired=allow_expired)
    return recipe, accelerator, image, ensure_snapshot(recipe, image, accelerator, progress)


def up(
    release: str, progress: Progress, *, detached: bool = False, memory_mib: int | None = None,
    place: Place | None = None,
) -> LabHost:  # fmt: skip
    """A host of `release`, resumed from its booted snapshot and ready for ssh.

    `release` is what stands after lab:// in its URL.  Its memory is `memory_mib`, by default that of its recipe.
    With a `place` in a pair it gets an identity of its own; without, it is the host of the snapshot.
    A host that is not `detached` ends with this process, however that ends.  Raises LabError with
    the ends of QEMU's log and of the serial log if the host does not start, UsageError for too little memory.
    """
    recipe, accelerator, image, snapshot = ensure_built(release, progress, memory_mib)
    if old := too_old(image.provenance, recipe.release):
        progress.note(f"the image of {release}: {old}")
    require_space(made(runs.runs_folder()), RUN_GIB, f"running the lab host {release}")
    run = runs.new_run(release, None if detached else ProcessIdentity.of(os.getpid()))
    if place is not None:
        run = replace(run, member=place.member)
    host = LabHost(run, image)
    try:
        with progress.phase(f"resuming {recipe.title}", 4), closing(_shared(recipe, place)) as shared:
            _resume(host, recipe, accelerator, image, snapshot, shared, detached=detached)
            if place is None:
                _set_clock(host)
            else:
                _take(host, image, place)
    except BaseException:
        host.down()
        raise
    return host


def find(release: str) -> LabHost | None:
    """The running detached host of `release`; None if there is none."""
    for run in runs.running():
        if run.release == release and run.owner is None:
            # The image is the one below the overlay, even if the recipe has changed since.
            return LabHost(run, Image((run.folder / "image").readlink()))
    return None


def _resume(
    host: LabHost, recipe: Recipe, accelerator: accel.Accelerator, image: Image, snapshot: Snapshot, shared: Shared,
    *, detached: bool,
) -> None:  # fmt: skip
    folder = host.run.folder
    (folder / "image").symlink_to(image.folder)
    wiring = Wiring.below(folder, folder / "disk.qcow2", shared)
    overlay(snapshot.disk, "qcow2", wiring.disk, folder / "qemu.log")
    shared.drain()
    with snapshot.state.open("rb") as state:
        fd = state.fileno()
        words = command(recipe, accelerator, wiring, ["-incoming", f"fd:{fd}"])
        descriptors = (fd, *shared.descriptors)
        host.start(words, accelerator, wiring, descriptors=descriptors, detached=detached, incoming=True)


def _set_clock(host: LabHost) -> None:
    """Set dom0's clock, which stopped when the snapshot was taken."""
    connection = host.connect()
    try:
        connection.run(f"date --utc --set=@{time.time():.3f}", limit_s=30).check()
    finally:
        connection.close()


def _shared(recipe: Recipe, place: Place | None) -> Shared:
    return place.shared if place is not None else shared_by_none(recipe.shared_gib)


def _take(host: LabHost, image: Image, place: Place) -> None:
    """Make `host` the one of its place, with the right time, and pin its new host keys."""
    connection = host.connect()
    try:
        connection.run("sh -s", stdin=place.script(image.public_key).encode(), limit_s=60).check()
    except SourceError as error:
        raise LabError(f"{host.url} did not become {place.own.name} of its pair: {error}") from error
    finally:
        connection.close()
    pin(host.run.folder, host.run.port, [key.public for key in place.own.host_keys.values()])
