"""Two guests that want to write to the same disk, of which no file system survives: neither of them ever runs."""

from contextlib import ExitStack
from dataclasses import replace

from xenproof.errors import GuestError
from xenproof.guest.guest import Guest
from xenproof.guest.offer import is_offered
from xenproof.source.connection import quoted
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Disk

_VDEV = "xvdb"
_CREATE_LIMIT_S = 300.0


def lets_in_second_writer(guest: Guest, backend: DiskBackend) -> bool:
    """Whether another guest gets a disk that `guest` has for writing already; both are created, and never run.

    `guest` is not defined yet.  Raises GuestError where not even that gets it.
    """
    disk = Disk(f"{guest.folder.path}/{guest.name}-shared.raw", _VDEV, backend.type)
    guest.more_files.append(disk.path)
    guest.dom0.run(quoted("truncate", "-s", "1M", disk.path)).check()
    if not _gets(guest, disk):
        raise GuestError(f"{guest.name} does not get {disk.path}, which nobody else has")
    with ExitStack() as held:
        second = guest.another()
        held.callback(second.remove)
        return _gets(second, disk)


def _gets(guest: Guest, disk: Disk) -> bool:
    guest.config = replace(guest.config, disks=(*guest.config.disks, disk))
    guest.define()
    return guest.create(_CREATE_LIMIT_S).domid > 0 and is_offered(guest, disk.vdev)
