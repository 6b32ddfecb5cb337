"""The name of a lab host: what stands after lab:// in its URL."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from xenproof.errors import UsageError

FORM = "RELEASE[?cpu=-FEATURE[:-FEATURE]][#2]"

# A release of the lab, and a state of it: `debian12`, `debian12@release`.
_RELEASE = r"(?P<release>[A-Za-z0-9][A-Za-z0-9_.-]*(?:@[A-Za-z0-9_.-]+)?)"
# What its processor lacks: `?cpu=-aes:-sse4.2`; a comma would end the URL in a list of hosts.
_FEATURE = r"-[a-z0-9][a-z0-9_.-]*"
_NAME = re.compile(rf"{_RELEASE}(?:\?cpu=(?P<cpu>{_FEATURE}(?::{_FEATURE})*))?(?:#(?P<number>[2-9]))?\Z")


@dataclass(frozen=True, slots=True)
class LabName:
    """A lab host: the recipe of its release, the processor's features that it lacks, and its number.

    The number tells hosts apart that are named alike otherwise: `debian12`, `debian12#2`.

    >>> LabName.parse("debian12@release?cpu=-aes:-pclmulqdq#2")
    LabName(release='debian12@release', lacks=('aes', 'pclmulqdq'), number=2)
    """

    release: str
    lacks: tuple[str, ...] = ()
    number: int = 1

    @staticmethod
    def parse(text: str) -> "LabName":
        """The lab host that `text` names; raises UsageError with what was expected and what was found."""
        if (found := _NAME.match(text)) is None:
            raise UsageError(
                f"expected a lab host as {FORM}, such as 'debian12' or 'debian12?cpu=-aes', found {text[:200]!r}"
            )
        lacks = tuple(feature[1:] for feature in (found["cpu"] or "").split(":") if feature)
        return LabName(found["release"], lacks, int(found["number"] or 1))

    def __str__(self) -> str:
        cpu = "?cpu=" + ":".join(f"-{feature}" for feature in self.lacks) if self.lacks else ""
        return f"{self.release}{cpu}{f'#{self.number}' if self.number > 1 else ''}"


def numbered(names: Sequence[LabName]) -> list[LabName]:
    """`names`, in which a host that is named again without a number has got the next free one, up to 9."""
    taken, found = set(names), list[LabName]()
    for name in names:
        free = [new for number in range(2, 10) if (new := replace(name, number=number)) not in taken]
        again = name in found and name.number == 1 and bool(free)
        found.append(free[0] if again else name)
        taken.add(found[-1])
    return found
