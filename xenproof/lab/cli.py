"""The commands `xenproof lab`: build, up, ssh, status, down."""

import os
import shutil
from contextlib import closing
from typing import Annotated

import typer

from xenproof.errors import LabError, UsageError
from xenproof.lab import host as lab
from xenproof.lab import wire as wires
from xenproof.lab.by_hand import up_by_hand
from xenproof.lab.image import all_folders, images
from xenproof.lab.machine import SHARED_DISK
from xenproof.lab.provenance import too_old
from xenproof.lab.recipe import load_recipe, releases, states
from xenproof.printing import say
from xenproof.programs import require
from xenproof.run import runs
from xenproof.run.progress import Progress
from xenproof.source.connection import quoted
from xenproof.source.lab_name import LabName

lab_app = typer.Typer(help="Real Xen hosts in plain QEMU, on any machine.", no_args_is_help=True)

Release = Annotated[str, typer.Argument(help="which host, such as debian12, or debian12#2 of a pair")]


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
    hosts: Annotated[
        list[str] | None,
        typer.Argument(metavar="HOST [HOST]", help="such as debian12; two are a pair: debian11 debian12"),
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="MIB", help="the memory of each; without it, what the recipe has")
    ] = None,
) -> None:
    """Start a lab host, or a pair of them, that stays until `xenproof lab down`.

    The hosts of a pair have names of their own, a wire, a disk that both see, and trust each other's root.
    """
    up_now = up_by_hand([LabName.parse(name) for name in hosts or ["debian12"]], Progress(), memory)
    for host in up_now:
        name = host.run.release
        say(f"{name} is up: ssh on 127.0.0.1 port {host.run.port}, {host.run.accelerator}")
        say(f"log in with: xenproof lab ssh {quoted(name)}")
    for member in [host.run.member for host in up_now if host.run.member is not None]:
        say(f"on the wire: {member.name} {member.address}; the disk that both see: {SHARED_DISK}")


@lab_app.command()
def wire(
    host: Annotated[str, typer.Argument(metavar="HOST", help="one of the pair")],
    *,
    cut: Annotated[bool, typer.Option("--cut", help="pull the cable")] = False,
    mend: Annotated[bool, typer.Option("--mend", help="plug it in again")] = False,
    rate: Annotated[
        float | None, typer.Option(metavar="MBIT/S", help="its speed; as fast as it gets if not given")
    ] = None,
    delay: Annotated[float, typer.Option(metavar="MS", help="how late each packet is")] = 0.0,
    loss: Annotated[float, typer.Option(metavar="PERCENT", help="how many packets are lost")] = 0.0,
) -> None:
    """Set the wire of a pair that is up: its speed, delay and loss in each direction, or cut it.

    A speed, delay or loss that is not given is as without any setting.
    """
    quality = wires.Quality(rate, delay, loss)
    if cut + mend + (quality != wires.Quality()) > 1:
        raise UsageError("expected one of: --cut, --mend, or --rate, --delay and --loss")
    found = lab.find(host)
    if found is None or found.run.member is None:
        raise UsageError(f"{host} is not up in a pair; start one with: xenproof lab up {host} {host}")
    pair = found.run.member.pair
    if cut or mend:
        (wires.cut if cut else wires.mend)(pair)
        say(f"the wire of {host} is {'cut' if cut else 'mended'}")
        return
    hosts = [each for run in wires.ends(pair) if (each := lab.find(run.release)) is not None]
    for each in hosts:
        with closing(each.connect()) as connection:
            wires.set_quality(quality, connection)
    say(f"the wire of {host}: {quality.command}")


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
        place = f", {run.member.name} {run.member.address} of pair {run.member.pair}" if run.member else ""
        say(f"host {run.release}: up {kind}, port {run.port}{place}, {run.accelerator}")
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
