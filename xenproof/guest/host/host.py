"""What a host is to the guests of a run."""

import re
from collections.abc import Collection
from contextlib import AbstractContextManager

from xenproof.errors import ParseError
from xenproof.guest.host.lease import leased
from xenproof.guest.host.leftovers import GuestIdentity, Leftover, leftovers, snapshot
from xenproof.guest.host.port_lease import lease_ports
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.working_folder import IMAGES, WorkingFolder
from xenproof.source.connection import Connection

_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n?\Z")


class GuestHost:
    """A live dom0, with the run's working folder and its keeper, leases, and the means to see what guests leave."""

    def __init__(
        self, dom0: Connection, run: RunIdentity, images: str = IMAGES, *, blkback_wants_devices: bool = False
    ) -> None:
        """`blkback_wants_devices` where the host's blkback serves no files, as that of Xen before 4.6."""
        self.dom0, self.run = dom0, run
        self.folder = WorkingFolder(dom0, run, images)
        self.blkback_wants_devices = blkback_wants_devices

    def enter(self) -> None:
        """Make sure that the working folder is there and kept; raises what `WorkingFolder.enter` raises."""
        self.folder.enter()

    def leave(self) -> None:
        """Let the working folder go; raises GuestError where something of the run stays on the host."""
        self.folder.leave()

    @property
    def entries(self) -> int:
        """How often the run came to it: once more where the host lost all guests of the run."""
        return self.folder.entries

    def boot_id(self) -> str:
        """What the kernel calls this start of the host, whatever the user calls the host; raises ParseError."""
        printed = self.dom0.run("cat /proc/sys/kernel/random/boot_id").check().text
        if not _BOOT_ID.match(printed):
            raise ParseError(f"the boot_id of {self.dom0.url} is {printed[:100]!r}, expected a UUID")
        return printed.strip()

    def new_name(self) -> str:
        """A name for a guest that no other guest has; the working folder is entered, where it is not."""
        self.enter()
        return self.run.new_name()

    def lease(self, name: str, *, memory_mib: int, vcpus: int, limit_s: float) -> AbstractContextManager[None]:
        """Hold capacity for the guest `name`, for as long as the context; see `leased`."""
        return leased(self.dom0, self.folder.path, name, memory_mib=memory_mib, vcpus=vcpus, limit_s=limit_s)

    def lease_ports(self, count: int) -> list[int]:
        """Free TCP ports of the host, for as long as the working folder is there; see `lease_ports`."""
        self.enter()
        return lease_ports(self.dom0, self.folder.path, count)

    def snapshot(self) -> frozenset[Leftover]:
        """All of guests that is in dom0 now, with the files of the working folder; see `snapshot`."""
        return snapshot(self.dom0, self.folder.path)

    def leftovers(self, identity: GuestIdentity, limit_s: float, own: Collection[Leftover] = ()) -> list[Leftover]:
        """What dom0 still has of a guest after at most `limit_s` for things to settle, without what is its `own`."""
        return leftovers(self.dom0, identity, self.folder.path, limit_s, own)
