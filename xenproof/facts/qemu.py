"""The qemu that runs guests."""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import programs_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)
_BANNER = re.compile(r"QEMU emulator version (\d[\w.]*)[, ]*(.*)")
# -spice [port=port][,tls-port=secured-port][,x509-dir=<dir>]
_OPTION = re.compile(r"-([a-z][A-Za-z0-9_-]*)(?:[ ,=\[].*)?")
# Every qemu has these; output that lists none of them is not qemu's help.
_CONTROLS = frozenset({"drive", "monitor", "name"})


@dataclass(frozen=True, slots=True)
class Qemu:
    """The installed qemu: its version, the whole version line, and its options."""

    version: str
    banner: str
    options: frozenset[str]

    def has_option(self, name: str) -> Answer:
        """Whether it was built with the option, such as "spice"."""
        return Answer(
            name in self.options, f"{'one' if name in self.options else 'none'} of {len(self.options)} options"
        )


def parse_qemu(output: ProbeOutput) -> Qemu:
    """The installed qemu.

    Raises ParseError if it does not print its version or lists none of its usual options (if only some are missing,
    the checks report that), NotEvaluable if it is absent.
    """
    banner, *rows = section(output, "qemu-help").ended_with(0).lines or [""]
    if not rows and banner.startswith("absent /"):
        raise NotEvaluable(f"there is no {banner.removeprefix('absent ')}, where this release has its qemu")
    if (found := _BANNER.fullmatch(banner)) is None:
        raise ParseError(f"expected 'QEMU emulator version ...', found {banner[:200]!r}")
    options = frozenset(option[1] for row in rows if (option := _OPTION.fullmatch(row)))
    if not options & _CONTROLS:
        raise ParseError(f"qemu's help lists {len(options)} options, but none of {', '.join(sorted(_CONTROLS))}")
    return Qemu(found[1], banner, options)


QEMU = Family("qemu", programs_probe, parse_qemu)
