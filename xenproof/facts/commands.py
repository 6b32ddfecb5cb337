"""The commands on the PATH of a command that runs over ssh."""

from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.probing.sections import UNKNOWABLE, known, section
from xenproof.source.probe import ProbeOutput

CONTROL = "sh"


@dataclass(frozen=True, slots=True)
class Commands:
    """The path of each command that was searched, "" for those that were not found."""

    paths: Mapping[str, str]

    def on_path(self, name: str) -> Answer:
        """Whether the command is on the PATH.

        Raises ParseError if it was not searched, NotEvaluable if the source cannot determine it.
        """
        if name not in self.paths:
            raise ParseError(f"the command {name!r} was not looked for")
        return Answer(bool(known(self.paths[name])), self.paths[name] or "not on the PATH")


def parse_commands(output: ProbeOutput) -> Commands:
    """The path of each command; raises ParseError if not even `sh` was found."""
    paths: dict[str, str] = {}
    for line in section(output, "commands").ended_with(0).lines:
        # xl /usr/sbin/xl, or in busybox sh sh
        name, space, path = line.partition(" ")
        if not name or not space or not (path in ("", name) or path.startswith(("/", UNKNOWABLE))):
            raise ParseError(f"expected a command and its path, found {line[:200]!r}")
        paths[name] = path
    if not paths.get(CONTROL):
        raise ParseError(f"the command {CONTROL!r} was not found, so nothing is known of others")
    return Commands(paths)


COMMANDS = Family("commands", host_probe, parse_commands)
