"""`python -m selftest.bench.boot`: what xenproof adds to the time from `xl create` to a guest's ready line.

The same guest is started in turn as anybody would, by `xl create -c`, and as the suite does.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from selftest.lab.guests import image_of
from xenproof.errors import GuestError, XenproofError
from xenproof.guest.boot_progress import READY
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.lab import host as lab
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.profile.load import load_profile
from xenproof.run.interruption import interrupt_on_sigterm
from xenproof.run.progress import Progress
from xenproof.source.connection import Connection, quoted
from xenproof.suite.fixtures.grub_xen import grub_xen_of
from xenproof.xen.backend import DiskBackend
from xenproof.xen.domain_control import destroy
from xenproof.xlcfg.config import Start

MOST = 1.2
_READY = b"XENPROOF1 ready"
_LIMIT_S = 600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 0, or 1 where a guest did not come up."""
    parser = argparse.ArgumentParser(prog="python -m selftest.bench.boot", description=__doc__)
    parser.add_argument("--release", default="debian12", help="the lab host and its profile (default: debian12)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each (default: 5)")
    given = parser.parse_args(arguments)
    interrupt_on_sigterm()
    try:
        plain, ours = _measure(given.release, max(1, given.runs))
    except XenproofError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    ratio = statistics.median(ours) / statistics.median(plain)
    for name, seconds in (("xl create -c", plain), ("xenproof", ours)):
        each = " ".join(f"{second:.1f}" for second in seconds)
        _say(f"{name}: median {statistics.median(seconds):.1f} s of {each}")
    _say(f"xenproof takes {ratio:.2f} times what xl create -c takes; at most {MOST} is wanted")
    return 0


def _measure(release: str, runs: int) -> tuple[list[float], list[float]]:
    host = lab.up(release, Progress())
    plain: list[float] = []
    ours: list[float] = []
    try:
        dom0 = host.connect()
        with tempfile.TemporaryDirectory(prefix="xenproof-bench-") as scratch:
            on_host = GuestHost(dom0, RunIdentity.of(Path(scratch)))
            on_host.enter()
            try:
                start, image = Start(grub_xen_of(load_profile(release))), ensure_guest_image(image_of(host))
                description = GuestDescription(image, DiskBackend.BLKBACK, start)
                for turn in range(2 * runs):
                    guest = Guest(on_host, description)
                    guest.define()
                    seconds = _as_xenproof(guest) if turn % 2 else _as_anybody(dom0, guest)
                    (ours if turn % 2 else plain).append(seconds)
                    guest.remove()
            finally:
                on_host.leave()
    finally:
        host.down()
    return plain, ours


def _as_xenproof(guest: Guest) -> float:
    boot = guest.boot(_LIMIT_S)
    if boot.reached != READY:
        raise GuestError(f"{guest.name} did not boot: {boot.reached}")
    return boot.seconds


def _as_anybody(dom0: Connection, guest: Guest) -> float:
    said, begin = b"", time.monotonic()
    with dom0.follow(quoted("xl", "create", "-c", guest.config_path), keep_stdin=True) as console:
        while _READY not in said:
            chunk = console.read(1.0)
            if chunk is None or time.monotonic() - begin > _LIMIT_S:
                raise GuestError(f"{guest.name} did not boot by xl create -c; it said last {said[-200:]!r}")
            said += chunk
        seconds = time.monotonic() - begin
    destroy(dom0, guest.name, 60.0)
    return seconds


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
