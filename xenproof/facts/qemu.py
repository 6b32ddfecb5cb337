"""The qemu that serves guests."""

import re
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.family import Family
from xenproof.facts.probes import programs_probe
from xenproof.facts.sections import section
from xenproof.source.probe import ProbeOutput

# QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)
_BANNER = re.compile(r"QEMU emulator version (\d[\w.]*)[, ]*(.*)")


@dataclass(frozen=True, slots=True)
class Qemu:
    """The installed qemu: its version, and the whole line that it prints about itself."""

    version: str
    banner: str


def parse_qemu(output: ProbeOutput) -> Qemu:
    """The installed qemu; raises ParseError if the program does not say its version."""
    lines = section(output, "qemu-version").ended_with(0).lines
    banner = lines[0] if lines else ""
    if (found := _BANNER.fullmatch(banner)) is None:
        raise ParseError(f"expected 'QEMU emulator version ...', found {banner[:200]!r}")
    return Qemu(found[1], banner)


QEMU = Family("qemu", programs_probe, parse_qemu)
