"""The pair that two lab hosts of a run are to each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xenproof.source.address import Address

# Imported where it is needed, as the lab takes long to load.
if TYPE_CHECKING:
    from xenproof.lab.pair import Place


class Pairing:
    """The places of the lab hosts among `addresses`, where these are exactly two; `close` it when both are up."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._labs = {address.url: address.lab for address in addresses if address.lab is not None}
        self._places: dict[str, Place] = {}

    def place_of(self, address: Address) -> "Place | None":
        """The place of a lab host, None where it is no host of a pair; raises LabError where it cannot be made."""
        if len(self._labs) != 2:  # a pair
            return None
        if not self._places:
            from xenproof.lab.pair import new_pair

            self._places = dict(zip(self._labs, new_pair(*self._labs.values()), strict=True))
        return self._places.get(address.url)

    def close(self) -> None:
        """Close what the hosts have inherited by now; a host that is not up has no place any more."""
        for place in self._places.values():
            place.shared.close()
