"""Where a guest is now: its host, and its domain there."""

from dataclasses import dataclass

from xenproof.guest.host.host import GuestHost
from xenproof.xen.domain_control import CreatedDomain


@dataclass(frozen=True, slots=True)
class Residence:
    """A host, and the guest's domain there, None before it is created.

    A guest that restarts, is restored or moves gets another residence, and is then read there.
    """

    host: GuestHost
    entry: int
    """The host's count of entries of the run when the guest was bound: a higher count means that the guest is lost."""
    domain: CreatedDomain | None = None

    @staticmethod
    def at(host: GuestHost, domain: CreatedDomain | None = None) -> "Residence":
        """The residence on `host`, bound now."""
        return Residence(host, host.entries, domain)

    @property
    def domid(self) -> int:
        """The domain's number, -1 where no domain is known."""
        return self.domain.domid if self.domain is not None else -1

    @property
    def uuid(self) -> str:
        """The domain's UUID, "" where no domain is known."""
        return self.domain.uuid if self.domain is not None else ""

    @property
    def tty(self) -> str:
        """The terminal in dom0 of the domain's console, "" where no domain is known."""
        return self.domain.tty if self.domain is not None else ""

    @property
    def is_of_before(self) -> bool:
        """Whether the run has entered the host again since: another guest may have the number by now."""
        return self.host.entries != self.entry
