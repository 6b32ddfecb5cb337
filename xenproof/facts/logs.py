"""Logs: the hypervisor's log, the journal, and log files."""

import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase

from xenproof.errors import NotEvaluable
from xenproof.facts.files import FILES
from xenproof.facts.texts import TEXTS, Texts
from xenproof.facts.xl import XL_INFO
from xenproof.probing.answer import Answer
from xenproof.probing.probes import host_probe, section_name, services_probe, xen_probe
from xenproof.probing.sections import section
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

XL_DMESG_NAME = "xl dmesg"
_LOGROTATE = "/etc/logrotate.conf"
_LOGROTATE_FOLDER = "/etc/logrotate.d"
# "/var/log/libvirt/libxl/*.log" {
_ROTATED = re.compile(r"\s*([/\"'][^{}#]*?)\s*(?:\{.*)?")


@dataclass(frozen=True, slots=True)
class Log:
    """The end of a log; a report shows its length and its last line."""

    text: str

    def __str__(self) -> str:
        lines = self.text.strip().split("\n")
        return f"{len(lines)} lines, the last: {lines[-1][-160:]}" if lines[0] else "no line"


def mentions(want: str, have: Log) -> bool:
    """Whether the log contains the text."""
    return want in have.text


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs that a profile names: "xl dmesg", a unit such as "libvirtd.service", or a path."""

    recording: Recording
    profile: Profile

    def readable(self, name: str) -> Answer:
        """Whether the log exists and, unless it is a file, has a line."""
        if name.startswith("/"):
            return FILES.of(self.recording, self.profile).exists(name)
        log = self.text(name)
        return Answer(bool(log.text.strip()), str(log))

    def text(self, name: str) -> Log:
        """The end of the log; raises NotEvaluable if there is no such file."""
        if name == XL_DMESG_NAME:
            # Do not use the parser of the hypervisor's log: a cleared log is a fact about the host, not an error.
            output = self.recording.output(xen_probe(self.profile), partial=True)
            text = section(output, "xl-dmesg").ended_with(0).text
            with suppress(NotEvaluable):
                # If xl cannot print anything else either, the log was not cleared.
                XL_INFO.of(self.recording, self.profile)
            return Log(text)
        if name.startswith("/"):
            FILES.of(self.recording, self.profile).file(name)
            output = self.recording.output(host_probe(self.profile), partial=True)
            return Log(section(output, f"tail:{section_name(name)}").ended_with(0).text)
        output = self.recording.output(services_probe(self.profile), partial=True)
        return Log(section(output, f"journal:{section_name(name)}").ended_with(0).text)

    def rotated(self, name: str) -> Answer:
        """Whether logrotate has a rule for the log, or for the logs in the directory."""
        texts = TEXTS.of(self.recording, self.profile)
        if _LOGROTATE in texts.missing:
            return Answer(False, f"there is no {_LOGROTATE}")
        for path in (_LOGROTATE, *texts.below(_LOGROTATE_FOLDER)):
            for pattern in rotated_patterns(texts, path):
                if fnmatchcase(name, pattern) or pattern.rpartition("/")[0] == name.rstrip("/"):
                    return Answer(True, f"{pattern} in {path}")
        return Answer(False, f"no rule in {_LOGROTATE} or {_LOGROTATE_FOLDER} names it")


def rotated_patterns(texts: Texts, path: str) -> list[str]:
    """The paths for which a file of logrotate has rules; raises NotEvaluable if their quotes do not match."""
    found: list[str] = []
    for line in texts.of(path):
        if (row := _ROTATED.fullmatch(line)) is None:
            continue
        try:
            found += shlex.split(row[1])
        except ValueError as error:
            raise NotEvaluable(f"{path} has a line that cannot be read: {line[:200]!r}") from error
    return found
