"""The host's clock, compared with the clock of the machine that reads it."""

import re
from dataclasses import dataclass
from datetime import datetime

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.probing.sections import section
from xenproof.profile.profile import Profile
from xenproof.source.probe import ProbeOutput, Recording

# 1795503501
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
# No reading of a host takes that long.
_LONGEST_S = 86_400


def parse_clock(output: ProbeOutput) -> int:
    """The host's time in seconds since 1970; raises ParseError if the output has none."""
    lines = section(output, "clock").ended_with(0).lines
    if len(lines) != 1 or not _SECONDS.fullmatch(lines[0]):
        raise ParseError(f"expected a time in seconds from 'date +%s', found {lines[:2]!r}")
    return int(lines[0])


CLOCK = Family("clock", host_probe, parse_clock)


@dataclass(frozen=True, slots=True)
class Clock:
    """The host's clock at the time of the reading."""

    recording: Recording
    profile: Profile

    @property
    def skew_s(self) -> int:
        """By how many seconds the host's clock is ahead or behind; 0 if the duration of the reading can explain it.

        Raises NotEvaluable if the recording does not state when it was taken.
        """
        host = CLOCK.of(self.recording, self.profile)
        try:
            began = datetime.fromisoformat(self.recording.taken).timestamp()
            lasted = float(self.recording.about["seconds"])
        except (ValueError, KeyError, OverflowError, OSError) as error:
            raise NotEvaluable("the recording does not say when it was taken and how long that lasted") from error
        if not 0 <= lasted <= _LONGEST_S:  # false for "nan", too
            raise NotEvaluable(f"the recording does not say when it was taken and how long that lasted: no {lasted} s")
        # `taken` has whole seconds.
        return int(max(began - host, host - (began + lasted + 1), 0))
