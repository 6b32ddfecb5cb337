"""Files that name the process of a daemon."""

import re
from dataclasses import dataclass

from xenproof.facts.processes import LONGEST_NAME, PROCESSES
from xenproof.facts.texts import TEXTS
from xenproof.probing.answer import Answer
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

_PID = re.compile(r"\s*([1-9][0-9]{0,6})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class PidFiles:
    """The pid files that a profile names, compared with the running processes."""

    recording: Recording
    profile: Profile

    def names(self, path: str, process: str) -> Answer:
        """Whether the file exists and contains the id of a running process with that name."""
        texts = TEXTS.of(self.recording, self.profile)
        if path in texts.missing:
            return Answer(False, "there is no such file")
        lines = texts.of(path)
        if len(lines) != 1 or (pid := _PID.fullmatch(lines[0])) is None:
            return Answer(False, f"it holds no process number but {' '.join(lines)[:80]!r}")
        name = PROCESSES.of(self.recording, self.profile).names.get(int(pid[1]))
        if name is None:
            return Answer(False, f"it names process {pid[1]}, which does not run")
        return Answer(name == process[:LONGEST_NAME], f"it names process {pid[1]}, which is {name}")
