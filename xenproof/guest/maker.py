"""Makes guests on one host."""

from collections.abc import Callable

from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.host import GuestHost


class GuestMaker:
    """Makes guests on `host` as they are described; they are not defined yet."""

    def __init__(self, host: GuestHost, entrust: Callable[[Guest], Guest] = lambda guest: guest) -> None:
        """Each guest is given to `entrust`, which may see to its removal; else who asks for one removes it."""
        self.host = host
        self._entrust = entrust

    def __call__(self, description: GuestDescription) -> Guest:
        """A guest; raises CommandFailed where the host has no place for its files."""
        return self._entrust(Guest(self.host, description))
