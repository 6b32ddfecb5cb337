"""Features that a toolstack accepts but not all releases support: each is tried with guests of its own."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from xenproof.errors import GuestError
from xenproof.guest.actions.running_guest import BOOT_LIMIT_S
from xenproof.guest.description import VDEV, GuestDescription
from xenproof.guest.display.desktop import RUNNING, Desktop, DesktopGuest
from xenproof.guest.features.libvirt_cache import hands_on_cache_modes
from xenproof.guest.features.offered import gets
from xenproof.guest.features.second_writer import lets_in_second_writer
from xenproof.guest.maker import GuestMaker
from xenproof.guest.witness import facts
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import XlWithSerialPort

# libxl's message where the hypervisor refuses a domain's properties.
_REFUSED = "domain creation fail: Invalid argument"


Asks = Callable[[GuestDescription, GuestMaker], bool]


def _direct_io(description: GuestDescription, make: GuestMaker) -> bool:
    """Whether a guest gets a disk whose backend bypasses dom0's page cache."""
    guest = make(replace(description, disks=(replace(description.image_disk, direct=True),)))
    guest.define()
    return gets(guest, VDEV)


def _nested(description: GuestDescription, make: GuestMaker) -> bool:
    """Whether an HVM guest sees the virtualization extension of its processor; False where Xen refuses such a guest.

    The boot sector of its disk prints it, so that no system has to boot.  Raises GuestError where it prints nothing.
    """
    guest = make(replace(description, more={"nestedhvm": 1, "serial": "pty"}, toolstack=XlWithSerialPort()))
    guest.define()

    def refusal() -> str | None:
        return dict(facts(guest.console.text)).get("virtualizes")

    boot = guest.boot(BOOT_LIMIT_S, unless=lambda _: refusal() is not None)
    if guest.created and _REFUSED in guest.created.problem:
        return False
    if (word := refusal()) is None:
        raise GuestError(f"{guest.name} with nestedhvm says nothing of its processor: {boot.reached}")
    return word != "no"


def _password(*, by_vnc: bool) -> Asks:
    def starts(description: GuestDescription, make: GuestMaker) -> bool:
        (port,) = make.host.lease_ports(1)
        word = secrets.token_hex(4)
        desktop = Desktop(port, vnc=True, vnc_password=word) if by_vnc else Desktop(port, password=word)
        return DesktopGuest(make(desktop.described(description)), desktop).start() == RUNNING

    return starts


FEATURES: Mapping[str, Asks] = {
    "direct_io": _direct_io,
    "libvirt_cache": hands_on_cache_modes,
    "nested_hvm": _nested,
    "second_writer_blkback": partial(lets_in_second_writer, backend=DiskBackend.BLKBACK),
    "second_writer_device": partial(lets_in_second_writer, backend=DiskBackend.BLKBACK, device=True),
    "second_writer_qdisk": partial(lets_in_second_writer, backend=DiskBackend.QDISK),
    "spice_password": _password(by_vnc=False),
    "vnc_password": _password(by_vnc=True),
}
"""The test of each feature, by its name in the profile: whether guests of a description get the feature."""
OF_FIRMWARE = frozenset({"nested_hvm", "spice_password", "vnc_password"})
"""The features that are tried with HVM guests."""
