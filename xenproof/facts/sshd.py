"""The configuration of sshd, as `sshd -T` prints it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.family import Family
from xenproof.probing.probes import programs_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# permitrootlogin without-password; in Debian sid of November 2026: PermitRootLogin without-password
_ROW = re.compile(r"([A-Za-z0-9]+)(?: (.*))?")
# Which options sshd -T prints first and last is not fixed; every version prints these.
_CONTROLS = frozenset({"port", "permitrootlogin", "pubkeyauthentication", "hostkey"})


@dataclass(frozen=True, slots=True)
class Sshd:
    """Each option, in lower case, with its value; if it occurs several times, the first value."""

    options: Mapping[str, str]

    def value(self, name: str) -> str:
        """An option's value; raises NotEvaluable if this sshd does not have it."""
        if (found := self.options.get(name.lower())) is None:
            raise NotEvaluable(f"this sshd has no option {name!r}")
        return found


def parse_sshd(output: ProbeOutput) -> Sshd:
    """The output of `sshd -T`; raises ParseError if a line is not an option or one that every sshd has is missing."""
    found: dict[str, str] = {}
    for line in section(output, "sshd").ended_with(0).lines:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected an option of sshd and its value, found {line[:200]!r}")
        found.setdefault(row[1].lower(), row[2] or "")
    if missing := _CONTROLS - found.keys():
        raise ParseError(f"'sshd -T' prints no {', '.join(sorted(missing))}")
    return Sshd(found)


SSHD = Family("sshd", programs_probe, parse_sshd)
