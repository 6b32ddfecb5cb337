"""Where a guest lives now."""

from dataclasses import dataclass

from xenproof.guest.host.host import GuestHost
from xenproof.xen.acting import Created


@dataclass(frozen=True, slots=True)
class Residence:
    """A host, and the domain that a guest is there: None while it was never created.

    A guest that restarts, is restored or moves is bound to another one: what is asked of it, is asked there.
    """

    host: GuestHost
    entry: int
    """How often the run had come to the host: it lost the guest where it had to come again."""
    domain: Created | None = None

    @staticmethod
    def at(host: GuestHost, domain: Created | None = None) -> "Residence":
        """The residence on `host` as it is now."""
        return Residence(host, host.entries, domain)

    @property
    def domid(self) -> int:
        """Its number, -1 where no domain is known."""
        return self.domain.domid if self.domain is not None else -1

    @property
    def uuid(self) -> str:
        """Its UUID, "" where no domain is known."""
        return self.domain.uuid if self.domain is not None else ""

    @property
    def tty(self) -> str:
        """The terminal of dom0 that is its console, "" where no domain is known."""
        return self.domain.tty if self.domain is not None else ""

    @property
    def is_of_before(self) -> bool:
        """Whether the host was come to again since: another guest may have the number there."""
        return self.host.entries != self.entry
