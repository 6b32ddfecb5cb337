"""A booted host as two read-only files: its disk's overlay and its machine state.

Unlike a snapshot inside the disk image, they can serve any number of runs at the same time, each with
an overlay of its own (docs/decisions/0006).
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import LabError
from xenproof.lab.accel import Accelerator
from xenproof.lab.child import run, started
from xenproof.lab.image import Image
from xenproof.lab.machine import Wiring, command
from xenproof.lab.made_once import made_once
from xenproof.lab.qmp import Qmp, monitor
from xenproof.lab.ready import forwarded_port, settle, wait_for_login
from xenproof.lab.recipe import Recipe
from xenproof.lab.shared import shared_by_none
from xenproof.run import runs
from xenproof.run.process_identity import ProcessIdentity
from xenproof.run.progress import Progress

BOOT_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved booted host."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The overlay over the image's disk, as it was when the machine was saved."""
        return self.folder / "disk.qcow2"

    @property
    def state(self) -> Path:
        """The machine state: memory, processors, devices, as QEMU's migration stream."""
        return self.folder / "machine.state"


def overlay(backing: Path, backing_format: str, disk: Path, log: Path) -> None:
    """Make `disk`, a qcow2 overlay over `backing`."""
    run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(backing), "-F", backing_format, str(disk)],
        log=log, purpose="making an overlay", limit_s=60,
    )  # fmt: skip


def ensure_snapshot(recipe: Recipe, image: Image, accelerator: Accelerator, progress: Progress) -> Snapshot:
    """The booted snapshot of `image` for this QEMU and accelerator, made if it does not exist."""
    folder = made_once(
        image.folder / f"booted-{accelerator.digest}{recipe.variant}",
        lambda work: _boot_and_save(recipe, image, accelerator, progress, Snapshot(work)),
        need_gib=2.0,
        purpose="booting and saving the lab host for the first time",
    )
    return Snapshot(folder)


def _boot_and_save(
    recipe: Recipe, image: Image, accelerator: Accelerator, progress: Progress, snapshot: Snapshot
) -> None:
    with ExitStack() as undo:
        host = runs.new_run(recipe.release, ProcessIdentity.of(os.getpid()))
        undo.callback(host.remove)
        log = host.folder / "qemu.log"
        overlay(image.disk, "raw", snapshot.disk, log)
        shared = shared_by_none(recipe.shared_gib)
        undo.callback(shared.close)
        wiring = Wiring.below(host.folder, snapshot.disk, shared)
        words = command(recipe, accelerator, wiring)
        with started(words, log=log, folder=host.folder, pass_fds=shared.descriptors) as process:
            with progress.phase(f"booting Xen and dom0 of {recipe.release} for the first time", 60):
                wait_for_login(process, wiring.serial, log, BOOT_LIMIT_S)
            with monitor(wiring.monitor, 60) as qmp:
                with progress.phase(f"waiting until dom0 of {recipe.release} has settled", 25):
                    settle(image, forwarded_port(qmp), host.folder)
                with progress.phase(f"saving the booted {recipe.release}", 3):
                    save(qmp, snapshot.state)
                qmp.command("quit")
            process.wait(30)


def save(qmp: Qmp, state: Path) -> None:
    """Stop the machine and write its state to the file `state`; raises LabError if QEMU fails."""
    qmp.command("stop")
    qmp.command("migrate-set-parameters", max_bandwidth=0)
    fd = os.open(state, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _send_fd(qmp, fd)
    finally:
        os.close(fd)
    qmp.command("migrate", uri="fd:state")
    status = qmp.wait_for_status("query-migrate", {"setup", "active", "device", "None"}, 300)
    if status != "completed":
        raise LabError(f"QEMU could not save the machine: its migration is {status!r}, expected 'completed'")
    if state.stat().st_size == 0:
        raise LabError(f"QEMU saved an empty machine state in {state}")


def _send_fd(qmp: Qmp, fd: int) -> None:
    """Pass `fd` to QEMU under the name "state", so that QEMU needs neither a shell nor a path for the file."""
    qmp.send_fd(fd)
    qmp.command("getfd", fdname="state")
