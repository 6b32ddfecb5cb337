"""Programs that print their version: the installers, and other tools for guests."""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.answer import Answer, Version
from xenproof.probing.probes import programs_probe, section_name
from xenproof.probing.sections import Section, section
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

# 4.1.0 in "virt-install 4.1.0"
_VERSION = re.compile(r"(?<![\w.])\d+(?:\.\d+)+[\w.+~-]*", re.ASCII)
_ABSENT = 127


@dataclass(frozen=True, slots=True)
class Tools:
    """The output of --version of each program in the profile's family `tools`."""

    recording: Recording
    profile: Profile

    def runs(self, name: str) -> Answer:
        """Whether the program exists and prints its version; raises ParseError if its output contains no version."""
        answer = self._answer(name)
        if answer.exit_code == _ABSENT:
            return Answer(False, "not on the PATH")
        first = answer.lines[0][:160] if answer.lines else "nothing"
        if answer.exit_code == 0 and _VERSION.search(answer.text) is None:
            raise ParseError(f"expected a version from '{name} --version', found {first!r}")
        return Answer(answer.exit_code == 0, f"exit code {answer.exit_code}: {first}")

    def version(self, name: str) -> Version:
        """The version that it prints; raises NotEvaluable if it does not run."""
        runs = self.runs(name)
        if not runs.yes:
            raise NotEvaluable(f"{name} --version: {runs.seen}")
        if (found := _VERSION.search(self._answer(name).text)) is None:
            raise ParseError(f"expected a version from '{name} --version', found {runs.seen}")
        return Version(found[0], self.profile.scheme)

    def _answer(self, name: str) -> Section:
        return section(self.recording.output(programs_probe(self.profile), partial=True), f"tool:{section_name(name)}")
