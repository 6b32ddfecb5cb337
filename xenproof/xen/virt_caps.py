"""What a hypervisor can do for guests, as `xl info` says: "virt_caps : pv hvm hap shadow"."""

import re

from xenproof.errors import ParseError
from xenproof.source.connection import Connection

_CAPS = re.compile(r"^virt_caps *: *([a-z0-9_ -]+?) *$", re.MULTILINE)


def parse_virt_caps(text: str) -> frozenset[str]:
    """The words of `xl info`'s line; raises ParseError where it has none."""
    if (match := _CAPS.search(text)) is None:
        raise ParseError(f"xl info has no line virt_caps : WORDS; it printed {text[:300]!r}")
    return frozenset(match[1].split())


def read_virt_caps(dom0: Connection) -> frozenset[str]:
    """Those of the host."""
    return parse_virt_caps(dom0.run("xl info").check().text)
