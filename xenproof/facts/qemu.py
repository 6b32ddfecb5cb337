"""The qemu that serves guests, and the one that serves dom0 now."""

import re
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.family import Family
from xenproof.facts.probes import programs_probe
from xenproof.facts.sections import section
from xenproof.source.probe import ProbeOutput

# QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)
_BANNER = re.compile(r"QEMU emulator version (\d[\w.]*)[, ]*(.*)")
DELETED = " (deleted)"


@dataclass(frozen=True, slots=True)
class Qemu:
    """The installed qemu: its version and first line; and the files that running ones were started from."""

    version: str
    banner: str
    running: tuple[str, ...]

    @property
    def stale(self) -> tuple[str, ...]:
        """The files of running processes that have been replaced since."""
        return tuple(path for path in self.running if path.endswith(DELETED))


def parse_qemu(output: ProbeOutput) -> Qemu:
    """The installed and the running qemu; raises ParseError if the program does not say its version."""
    lines = section(output, "qemu-version").ended_with(0).lines
    banner = lines[0] if lines else ""
    if (found := _BANNER.fullmatch(banner)) is None:
        raise ParseError(f"expected 'QEMU emulator version ...', found {banner[:200]!r}")
    running = section(output, "qemu-files").ended_with(0).lines
    if not all(path.startswith("/") for path in running):
        raise ParseError(f"expected the files of running programs, found {running[:3]!r}")
    return Qemu(found[1], banner, tuple(running))


QEMU = Family("qemu", programs_probe, parse_qemu)
