"""Whether a disk of a guest that is paused is there for it: its backend waits."""

from xenproof.errors import ParseError
from xenproof.guest.guest import Guest
from xenproof.settle import settled
from xenproof.xen.backend import read_vbd

_LIMIT_S = 15.0


def is_offered(guest: Guest, vdev: str) -> bool:
    """Whether the backend of the disk waits for the guest, now or within a while."""
    return settled(lambda: _is_offered(guest, vdev), bool, _LIMIT_S)


def _is_offered(guest: Guest, vdev: str) -> bool:
    try:
        return read_vbd(guest.dom0, guest.domid, vdev).offered
    except ParseError:  # not even in xenstore
        return False
