"""Whether a disk of a guest that is paused is there for it: its backend waits."""

import time

from xenproof.errors import ParseError
from xenproof.guest.guest import Guest
from xenproof.xen.backend import read_vbd

_LIMIT_S = 30.0
_POLL_S = 0.5


def is_offered(guest: Guest, vdev: str) -> bool:
    """Whether the backend of the disk waits for the guest, now or within a while."""
    deadline = time.monotonic() + _LIMIT_S
    while not (ready := _is_offered(guest, vdev)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return ready


def _is_offered(guest: Guest, vdev: str) -> bool:
    try:
        return read_vbd(guest.dom0, guest.domid, vdev).offered
    except ParseError:  # not even in xenstore
        return False
