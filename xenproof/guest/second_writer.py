"""Two guests that want to write to the same disk, of which no file system survives: neither of them ever runs."""

from contextlib import ExitStack
from dataclasses import replace

from xenproof.errors import GuestError
from xenproof.guest.guest import Guest
from xenproof.guest.offer import gets
from xenproof.source.connection import quoted
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Disk

_VDEV = "xvdb"
# Xen, tools/hotplug/Linux/block: "Device /dev/loop0 is mounted in a guest domain, and so cannot be mounted now."
_REFUSED = "cannot be mounted"


def lets_in_second_writer(guest: Guest, backend: DiskBackend, *, device: bool = False) -> bool:
    """Whether another guest gets a disk that `guest` has for writing already; both are created, and never run.

    The disk is a file, or a block `device`; `guest` is not defined yet.  Raises GuestError where not even that gets it,
    or where the second one fails for another reason.
    """
    path = f"{guest.folder.path}/{guest.name}-shared.raw"
    guest.more_files.append(path)
    guest.dom0.run(quoted("truncate", "-s", "1M", path)).check()
    with ExitStack() as held:
        if device:
            path = guest.dom0.run(quoted("losetup", "-f", "--show", path)).check().text.strip()
            # It goes when the last guest that has it goes.
            held.callback(guest.dom0.run, quoted("losetup", "-d", path))
        disk = Disk(path, _VDEV, backend.type)
        if not _gets(guest, disk):
            raise GuestError(f"{guest.name} does not get {disk.path}, which nobody else has")
        second = guest.another()
        held.callback(second.remove)
        if _gets(second, disk):
            return True
        said = second.created.problem if second.created else ""
        if _REFUSED not in said:
            raise GuestError(f"{second.name} is not there, and not as another guest has its disk: {said[-300:]}")
        return False


def _gets(guest: Guest, disk: Disk) -> bool:
    # It alone: neither of them ever runs.
    guest.config = replace(guest.config, disks=(disk,))
    guest.define()
    return gets(guest, disk.vdev)
