"""Makes guests on one host."""

from collections.abc import Callable

from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.host import GuestHost


class GuestMaker:
    """Makes guests on `host` from descriptions; they are not defined yet."""

    def __init__(self, host: GuestHost, entrust: Callable[[Guest], Guest] = lambda guest: guest) -> None:
        """`entrust` is called with each guest and may arrange its removal; otherwise the caller must remove it."""
        self.host = host
        self._entrust = entrust

    def __call__(self, description: GuestDescription) -> Guest:
        """A new guest; raises CommandFailed where the working folder on the host cannot be made."""
        return self._entrust(Guest(self.host, description))
