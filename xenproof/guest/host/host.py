"""A host as the guests of a run use it."""

import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from xenproof.errors import ParseError
from xenproof.guest.host.lease import leased
from xenproof.guest.host.leftovers import GuestIdentity, Leftover, leftovers, snapshot
from xenproof.guest.host.port_lease import lease_ports
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.starts import Starts
from xenproof.guest.host.working_folder import IMAGES, WorkingFolder
from xenproof.run.processor_time import ProcessorClock
from xenproof.source.connection import Connection

# boot_id, then /etc/machine-id, which SLES 11 does not have.
_IDENTITY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n?([0-9a-f]{32}\n?|uninitialized\n?)?\Z")


class GuestHost:
    """A live dom0 with the run's working folder, its leases, and its check for what guests leave behind."""

    def __init__(
        self, dom0: Connection, run: RunIdentity, images: str = IMAGES, *, blkback_wants_devices: bool = False,
        read_clock: Callable[[], ProcessorClock | None] = lambda: None,
    ) -> None:  # fmt: skip
        """`blkback_wants_devices`: the host's blkback serves only block devices, as with Xen before 4.6.

        `read_clock` returns the counters of the QEMU that runs the host, None for a host that no QEMU here runs.
        """
        self.dom0, self.run = dom0, run
        self.starts = Starts(run.folder, dom0.url, read_clock)
        self.folder = WorkingFolder(dom0, run, images)
        self.blkback_wants_devices = blkback_wants_devices

    def enter(self) -> None:
        """Make sure that the working folder and its keeper exist; raises what `WorkingFolder.enter` raises."""
        self.folder.enter()

    def leave(self) -> None:
        """Leave the working folder; raises GuestError where something of the run is left on the host."""
        self.folder.leave()

    @property
    def entries(self) -> int:
        """How often the run entered the host: once more each time the host lost all guests of the run."""
        return self.folder.entries

    def identity(self) -> str:
        """The kernel's identifier of this boot and that of the system: the same for all URLs of one host.

        Neither is enough: hosts that were resumed from one snapshot share the first, cloned ones the second.  Raises
        ParseError where the host does not print them.
        """
        ask = "cat /proc/sys/kernel/random/boot_id && { cat /etc/machine-id 2>/dev/null || :; }"
        printed = self.dom0.run(ask).check().text
        if not _IDENTITY.match(printed):
            raise ParseError(f"boot_id and machine-id of {self.dom0.url} are {printed[:100]!r}, expected a UUID first")
        return printed.strip()

    def new_name(self) -> str:
        """A name for a guest that no other guest has; enters the working folder where that was not done."""
        self.enter()
        return self.run.new_name()

    def lease(self, name: str, *, memory_mib: int, vcpus: int, limit_s: float) -> AbstractContextManager[None]:
        """Hold capacity for the guest `name` during the context; see `leased`."""
        return leased(self.dom0, self.folder.path, name, memory_mib=memory_mib, vcpus=vcpus, limit_s=limit_s)

    def lease_ports(self, count: int) -> list[int]:
        """Lease free TCP ports of the host, until the working folder is removed; see `lease_ports`."""
        self.enter()
        return lease_ports(self.dom0, self.folder.path, count)

    def snapshot(self) -> frozenset[Leftover]:
        """All objects of guests in dom0 now, with the files of the working folder; see `snapshot`."""
        return snapshot(self.dom0, self.folder.path)

    def leftovers(self, identity: GuestIdentity, limit_s: float, own: Collection[Leftover] = ()) -> list[Leftover]:
        """What is left in dom0 of a guest after waiting at most `limit_s`, except its `own`."""
        return leftovers(self.dom0, identity, self.folder.path, limit_s, own)
