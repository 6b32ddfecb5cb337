"""Guests that grub.xen boots: one for each disk backend that the profile promises serves all checks."""

from collections.abc import Callable

import pytest

from xenproof.guest.boot_progress import READY, BootProgress
from xenproof.guest.description import VDEV
from xenproof.guest.guest import GONE, Guest
from xenproof.guest.image.guest_image import LOADER
from xenproof.guest.logs import log_sizes
from xenproof.profile.expectation import Expectation
from xenproof.suite.each import each, req
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.guest import SETTLE_LIMIT_S, SHUTDOWN_LIMIT_S
from xenproof.suite.fixtures.promises import Promise
from xenproof.xen.backend import DiskBackend, disk_workers, read_vbd

pytestmark = pytest.mark.smoke

CONSOLE = "the witness, on the guest's console"


@req("S02")
@each("guest.*.type")
def test_guest_boots(guest_defined: Guest, boot: Callable[[], BootProgress], promised: Promise, expect: Expect) -> None:
    """A PV guest whose disk is on {name} boots until the witness inside it is ready."""
    state = promised("state", READY, "a witness guest says so when it has read and written its disk")
    expect(state, boot().reached, by=f"the console of {guest_defined.name}")


@req("S02")
@each("guest.*.type")
def test_guest_is_started_by_grub_xen(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """It is GRUB on the Xen platform that starts the kernel of a guest on {name}."""
    loader = promised("loader", LOADER, "the guest's grub.cfg has GRUB name its own platform")
    expect(loader, guest_booted.witness.loader, by="GRUB, on the guest's console")


@req("S02")
@each("guest.*.type")
def test_guest_runs_the_kernel_of_its_own_disk(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """A guest on {name} runs the kernel that lies on its own disk, not one of dom0."""
    kernel = promised("kernel", guest_booted.description.image.release, "/boot/vmlinuz in the guest's image")
    expect(kernel, guest_booted.witness.release, by=CONSOLE)


@req("S02")
@each("guest.*.type")
def test_guest_has_the_command_line_of_its_own_menu(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """A guest on {name} finds the command line of its own grub.cfg, as GRUB completed it."""
    line = promised(
        "command_line", guest_booted.description.image.command_line, "/boot/grub/grub.cfg in the guest's image"
    )
    expect(line, guest_booted.witness.cmdline, by=f"/proc/cmdline, said by {CONSOLE}")


@req("S02")
@each("guest.*.type")
def test_guest_reads_its_own_disk(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """A guest on {name} finds the secret that dom0 wrote to its disk, so no other guest and no old boot answers."""
    token = promised("token", guest_booted.token, f"written to {guest_booted.disk} before the guest was created")
    expect(token, guest_booted.witness.token, by=CONSOLE)


@req("S07", "S16")
@each("guest.*.type")
def test_disk_has_the_backend_that_was_asked_for(guest_booted: Guest, expected: Expectation, expect: Expect) -> None:
    """A disk that asks for {name} has the backend type "{value}" in xenstore, and both its ends are connected."""
    vbd = read_vbd(guest_booted.dom0, guest_booted.domid, VDEV)
    found = vbd.type if vbd.connected else f"{vbd.type}, but its ends are not connected"
    expect(
        expected, found, by=f"xenstore, {vbd.path}", hint="xl dmesg and xen-hotplug.log say why a backend is missing"
    )


@req("S16")
@each("guest.*.type")
def test_disk_is_served_by_what_xenstore_says(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """What runs in dom0 for a disk on {name} is {name}: a second reading that xenstore has no part in."""
    backend = promised("served_by", guest_booted.description.backend, "the guest's configuration")
    workers = disk_workers(guest_booted.dom0, guest_booted.domid, VDEV, guest_booted.disk)
    expect(backend, workers.backend or f"unclear: {workers}", by=f"dom0's /proc and /sys: {workers}")


@req("S16")
@each("guest.*.type")
def test_guest_reads_back_what_it_wrote(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """A guest on {name} writes blocks to its disk and reads the same ones back, past its own cache."""
    blocks = promised("blocks", guest_booted.witness.pattern_sha256, "the sha256 of what the guest was to write")
    expect(blocks, guest_booted.witness.read_back, by=CONSOLE)


@req("S16")
@each("guest.*.type")
def test_blocks_that_the_guest_wrote_are_in_its_image(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """What a guest on {name} wrote and synced stands in its image file in dom0 while the guest still runs."""
    blocks = promised("blocks", guest_booted.witness.pattern_sha256, "the sha256 of what the guest was to write")
    expect(blocks, guest_booted.files.blocks_of_witness(), by=f"dd and sha256sum on {guest_booted.disk} in dom0")


@req("S17")
@each("guest.*.type")
def test_guest_has_logs_of_its_own(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """xl keeps a log of a guest on {name} that holds something, and qemu keeps one where it serves the disk."""
    wanted = (
        ["qemu-dm-NAME.log", "xl-NAME.log"]
        if guest_booted.description.backend is DiskBackend.QDISK
        else ["xl-NAME.log"]
    )
    found = log_sizes(guest_booted)
    logs = promised("logs", wanted, "xl(1), LOGGING, and libxl's log of the device model")
    expect(logs, sorted(found), by="find in /var/log/xen", matches=lambda some, have: set(some) <= set(have))
    written = promised("xl's log holds something", True, "xl(1), LOGGING")
    expect(written, found.get("xl-NAME.log", 0) > 0, by="stat")


@req("S07")
@each("guest.*.type")
def test_guest_shuts_down_when_asked(guest_booted: Guest, promised: Promise, expect: Expect) -> None:
    """A guest on {name} shuts itself down when xl asks it to, and is gone from the host."""
    state = promised("end", GONE, "a guest that was asked to shut down")
    expect(state, guest_booted.shut_down(SHUTDOWN_LIMIT_S), by="xl list, after xl shutdown")


@req("S07", "S16")
@each("guest.*.type")
def test_guest_leaves_nothing_in_dom0(guest_ended: Guest, promised: Promise, expect: Expect) -> None:
    """A guest on {name} that has shut down leaves no domain, xenstore path, process, loop device or socket in dom0."""
    nothing: list[str] = []
    left = promised("left_behind", nothing, "a guest that has shut down")
    found = [str(thing) for thing in guest_ended.leftovers(SETTLE_LIMIT_S, with_files=False)]
    expect(left, found, by="xl list, xenstore-ls, ps, /sys and find in dom0")
