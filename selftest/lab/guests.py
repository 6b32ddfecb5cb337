"""A guest that a test of the lab runs by itself."""

import time

from selftest.lab.suite import GRUB_XEN
from xenproof.guest.guest import Guest
from xenproof.guest.place import HostFolder
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.lab.host import LabHost
from xenproof.source.connection import Connection
from xenproof.xen.backend import DiskBackend
from xenproof.xen.config import Start


def new_guest(host: LabHost, dom0: Connection, folder: HostFolder, backend: DiskBackend = DiskBackend.BLKBACK) -> Guest:
    """A guest in `folder`, by grub.xen, which is not defined yet."""
    return Guest(dom0, folder, ensure_guest_image(host.image), backend, Start(GRUB_XEN), time.time())
