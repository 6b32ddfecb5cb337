"""The commands `xenproof lab`: build, up, ssh, status, down."""

import os
import shutil
from typing import Annotated

import typer

from xenproof.errors import LabError, UsageError
from xenproof.lab import host as lab
from xenproof.lab.image import all_folders, images
from xenproof.lab.provenance import too_old
from xenproof.lab.recipe import load_recipe, releases, states
from xenproof.printing import say
from xenproof.programs import require
from xenproof.run import runs
from xenproof.run.progress import Progress

lab_app = typer.Typer(help="Real Xen hosts in plain QEMU, on any machine.", no_args_is_help=True)

Release = Annotated[str, typer.Argument(help="which host, such as debian12")]


@lab_app.command()
def build(
    release: Release = "debian12",
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="of what the archive has now, even if there is one")] = False,
    allow_expired: Annotated[
        bool, typer.Option("--allow-expired", help="of an archive whose Release file is no longer valid, too")
    ] = False,
) -> None:
    """Build the image of a lab host and boot it once, unless that has been done."""
    progress = Progress()
    _, accelerator, image, _ = lab.ensure_built(release, progress, fresh=fresh, allow_expired=allow_expired)
    say(f"{release}: {image.folder}, {accelerator.name}")
    say(f"built from {image.provenance.summary}")


@lab_app.command()
def up(
    release: Release = "debian12",
    memory: Annotated[
        int | None, typer.Option(metavar="MIB", help="its memory; without it, what the recipe has")
    ] = None,
) -> None:
    """Start a lab host that stays until `xenproof lab down`."""
    found = lab.find(release)
    if found is None:
        found = lab.up(release, Progress(), detached=True, memory_mib=memory)
    elif memory is not None:
        raise UsageError(f"{release} is up already, with the memory that it has; end it first: xenproof lab down")
    say(f"{release} is up: ssh on 127.0.0.1 port {found.run.port}, {found.run.accelerator}")
    say(f"log in with: xenproof lab ssh {release}")


@lab_app.command(context_settings={"ignore_unknown_options": True})
def ssh(
    release: Release = "debian12",
    command: Annotated[list[str] | None, typer.Argument(help="a command instead of a shell")] = None,
) -> None:
    """Log in to a lab host that is up, or run one command there."""
    found = lab.find(release)
    if found is None:
        raise LabError(f"no lab host {release} is up; start one with: xenproof lab up {release}")
    client = require("ssh")
    options = {
        "UserKnownHostsFile": str(found.run.folder / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
    }
    words = [client, "-F", "/dev/null", "-i", str(found.image.key), "-p", str(found.run.port)]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    os.execv(client, [*words, "root@127.0.0.1", *(command or [])])  # noqa: S606  # a list, no shell


@lab_app.command()
def status() -> None:
    """Show the images that are built and the hosts that are up."""
    for release in releases():
        for state in states(release):
            _show_images(state)
    up_now = runs.running()
    for run in up_now:
        kind = "until `lab down`" if run.owner is None else f"for process {run.owner.pid}"
        say(f"host {run.release}: up {kind}, port {run.port}, {run.accelerator}")
    if not up_now:
        say("no host is up")


def _show_images(release: str) -> None:
    built = images(load_recipe(release))
    if not built:
        say(f"image {release}: not built")
    for image in built:
        say(f"image {release}: {image.folder}")
        say(f"    {image.provenance.summary}")
        if old := too_old(image.provenance, release):
            say(f"    {old}")


@lab_app.command()
def down(
    release: Annotated[str | None, typer.Argument(help="which host; all that `lab up` started if not given")] = None,
    *,
    old_images: Annotated[
        bool, typer.Option("--images", help="remove images of older recipes and of older states of the archive, too")
    ] = False,
) -> None:
    """End the hosts that `lab up` started, and remove what killed runs left."""
    ended = [run for run in runs.running() if run.owner is None and release in (None, run.release)]
    for run in ended:
        run.remove()
    left = runs.clean()
    say(f"ended {len(ended)} host(s), cleaned up after {len(left)} dead run(s)")
    if old_images:
        newest = {
            built[0].folder for name in releases() for each in states(name) if (built := images(load_recipe(each)))
        }
        in_use = {(run.folder / "image").resolve() for run in runs.running()}
        for folder in all_folders():
            if folder not in newest and folder.resolve() not in in_use:
                shutil.rmtree(folder)
                say(f"removed {folder}")
