"""Two lab hosts with a private wire between them, a disk that both see, and trust in both directions."""

import secrets
from dataclasses import dataclass

from xenproof.lab.identity import Identity, taking
from xenproof.lab.recipe import load_recipe
from xenproof.lab.shared import Shared, shared_by_two
from xenproof.run.runs import Member
from xenproof.source.lab_name import LabName


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one host in its pair: who it is there, who the other one is, and what both share."""

    member: Member
    own: Identity
    peer: Identity
    shared: Shared

    def script(self, lab_key: str) -> str:
        """The script that makes a resumed host the one of this place; the public key `lab_key` logs in to it."""
        return taking(self.own, self.peer, lab_key)


def new_pair(first: LabName, second: LabName) -> tuple[Place, Place]:
    """The places of two hosts, which can then be started one by one, in any order; raises LabError.

    Until a host is up, or if it does not come up, the other one is at a wire with nobody at its other end.
    """
    pair = secrets.token_hex(4)
    one, two = (
        Identity(
            name=f"lab-{name.release.replace('@', '-')}-{number}",
            address=f"10.0.3.{number}",
            mac=f"52:54:00:78:70:{number:02x}",
        )
        for number, name in enumerate((first, second), 1)
    )
    near, far = shared_by_two(max(load_recipe(name.release).shared_gib for name in (first, second)))
    return (
        Place(Member(pair, one.name, one.address), one, two, near),
        Place(Member(pair, two.name, two.address), two, one, far),
    )
