"""Whether a paused guest gets its disks: their backends wait for it."""

from functools import partial

from xenproof.errors import ParseError
from xenproof.guest.guest import Guest
from xenproof.run.waiting import wait_until
from xenproof.xen.backend import read_vbd

_CREATE_LIMIT_S = 300.0
_LIMIT_S = 15.0


def gets(guest: Guest, *vdevs: str) -> bool:
    """Create a defined guest, paused; returns whether there is a domain whose disks are offered within the limit."""
    return guest.create(_CREATE_LIMIT_S).domid > 0 and all(
        wait_until(partial(_is_offered, guest, vdev), bool, _LIMIT_S) for vdev in vdevs
    )


def _is_offered(guest: Guest, vdev: str) -> bool:
    try:
        return read_vbd(guest.dom0, guest.domid, vdev).offered
    except ParseError:  # not even in xenstore
        return False
