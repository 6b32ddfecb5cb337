"""What a toolstack lets be configured, and the qemu of some releases cannot serve, as it was built without it."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from xenproof.guest.desktop import RUNNING, Desktop, DesktopGuest, free_ports
from xenproof.guest.guest import VDEV, Guest
from xenproof.xen.backend import read_vbd
from xenproof.xen.config import Disk

_CREATE_LIMIT_S = 300.0
_READY_LIMIT_S = 30.0
_POLL_S = 0.5


def _direct_io(guest: Guest) -> bool:
    """Whether the disk of a guest gets a backend that goes past dom0's page cache."""
    disk = Disk(guest.disk, VDEV, guest.backend.type, direct=True)
    guest.config = replace(guest.config, disks=(disk,))
    guest.define()
    if guest.create(_CREATE_LIMIT_S).domid < 1:
        return False
    deadline = time.monotonic() + _READY_LIMIT_S
    while not (ready := read_vbd(guest.dom0, guest.domid, VDEV).offered) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return ready


def _password(*, by_vnc: bool) -> Callable[[Guest], bool]:
    def starts(guest: Guest) -> bool:
        (port,) = free_ports(guest.dom0, 1)
        word = secrets.token_hex(4)
        desktop = Desktop(port, vnc=True, vnc_password=word) if by_vnc else Desktop(port, password=word)
        return DesktopGuest(guest, desktop).start() == RUNNING

    return starts


SERVICES: Mapping[str, Callable[[Guest], bool]] = {
    "direct_io": _direct_io,
    "spice_password": _password(by_vnc=False),
    "vnc_password": _password(by_vnc=True),
}
"""By the names of the profile: whether a guest that is not defined yet, and asks for it, gets it."""
OF_FIRMWARE = frozenset({"spice_password", "vnc_password"})
"""Those that HVM guests ask for."""
