"""Two guests with the same writable disk, which destroys any file system on it: so neither of the guests ever runs."""

from dataclasses import replace

from xenproof.errors import GuestError
from xenproof.guest.description import DiskDescription, GuestDescription
from xenproof.guest.features.offered import gets
from xenproof.guest.maker import GuestMaker
from xenproof.plain import first_lines
from xenproof.xen.backend import DiskBackend

_VDEV = "xvdb"
# Xen, tools/hotplug/Linux/block: "Device /dev/loop0 is mounted in a guest domain, and so cannot be mounted now."
_REFUSED = "cannot be mounted"


def lets_in_second_writer(
    description: GuestDescription, make: GuestMaker, backend: DiskBackend, *,
    device: bool = False,
) -> bool:  # fmt: skip
    """Whether a second guest gets a disk that the first one has as writable; both are created, and never run.

    The disk is a file, or a block device with `device`; the guests are made from `description` with this disk only.
    Raises GuestError where the first one does not get it, or where the second one fails for another reason.
    """
    # No disk with an image: neither of them ever runs.
    disk = DiskDescription(_VDEV, backend, empty_mib=1, on_device=device)
    first = make(replace(description, disks=(disk,)))
    first.define()
    path = first.files.path_of(disk)
    shared = first.files.devices[path] if device else path
    if not gets(first, _VDEV):
        raise GuestError(f"{first.name} does not get {shared}, which no other guest has")
    second = make(replace(description, disks=(DiskDescription(_VDEV, backend, existing=shared),)))
    second.define()
    if gets(second, _VDEV):
        return True
    problem = second.created.problem if second.created else ""
    if _REFUSED not in problem:
        why = first_lines(problem, 300)
        raise GuestError(f"{second.name} is not there, and not as another guest has its disk: {why}")
    return False
