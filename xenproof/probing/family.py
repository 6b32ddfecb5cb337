"""A family of facts: how it is probed and how its output is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from xenproof.errors import ParseError
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe, ProbeOutput, Recording

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Family(Generic[T]):
    """Facts of one kind.  Several families may share one probe: its output has a section for each."""

    name: str
    probe: Callable[[Profile], Probe]
    parse: Callable[[ProbeOutput], T]

    def of(self, recording: Recording, profile: Profile) -> T:
        """The facts in `recording`; raises ParseError, SourceError or NotEvaluable if it has none.

        They are parsed once per recording, however many checks use them.
        """
        probe = self.probe(profile)
        return recording.cache.once((self, profile), lambda: self._read(recording.output(probe, partial=True)))

    def _read(self, output: ProbeOutput) -> T:
        """The parsed output; an error of `parse` gets the probe's stderr added, which may hold the cause."""
        try:
            return self.parse(output)
        except ParseError as error:
            if not (stderr := output.error_text.strip()[-300:]):
                raise
            raise ParseError(f"{error}; stderr: {stderr!r}") from None
