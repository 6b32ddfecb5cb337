"""The text of configuration files and of files below /proc."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xenproof.errors import NotEvaluable, ParseError
from xenproof.probing.family import Family
from xenproof.probing.listing import believable_listing, unknown_paths
from xenproof.probing.probes import host_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

CONTROL = "/proc/cmdline"


@dataclass(frozen=True, slots=True)
class Texts:
    """The lines of each file that is there, the names of those that are not, and why others are unknown."""

    lines: Mapping[str, tuple[str, ...]]
    missing: frozenset[str]
    unknown: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: str) -> tuple[str, ...]:
        """The lines of a file; raises NotEvaluable if it is missing or unknown, ParseError if it was not read."""
        if path in self.lines:
            return self.lines[path]
        if path in self.unknown:
            raise NotEvaluable(self.unknown[path])
        if path in self.missing:
            raise NotEvaluable(f"there is no file {path} on this host")
        raise ParseError(f"{path} was not read")

    def line(self, path: str) -> str:
        """The one line of a file; raises ParseError if it has another number of lines."""
        if len(found := self.of(path)) != 1:
            raise ParseError(f"expected one line in {path}, found {len(found)}")
        return found[0]

    def below(self, folder: str) -> list[str]:
        """The files of a folder that were read, by name; raises NotEvaluable if there may be more of them."""
        if why := next((why for path, why in self.unknown.items() if path.rpartition("/")[0] == folder), None):
            raise NotEvaluable(why)
        return sorted(path for path in self.lines if path.rpartition("/")[0] == folder)


def parse_texts(output: ProbeOutput) -> Texts:
    """The files, from lines such as '/proc/cmdline:quiet'; many families begin with them, so they are parsed once.

    Raises ParseError if a line is of no file that was to be read, or /proc/cmdline was not read.
    """
    return output.kept.once("texts", lambda: _parsed(output))


def _parsed(output: ProbeOutput) -> Texts:
    there, missing = believable_listing(output, "text")
    # By length and not path by path: a host that lists thousands of paths must not make each line cost as much.
    longest_first = sorted({len(path) for path in there}, reverse=True)
    found: dict[str, list[str]] = {path: [] for path in there}
    for line in section(output, "text").ended_with(0).lines:
        end = next((at for at in longest_first if line[at : at + 1] == ":" and line[:at] in found), None)
        if end is None:
            raise ParseError(f"expected a line of a file, as 'grep -H' prints it, found {line[:200]!r}")
        found[line[:end]].append(line[end + 1 :])
    unknown = unknown_paths(output, "text")
    if not found.get(CONTROL) and CONTROL not in unknown:
        raise ParseError(f"{CONTROL} was not read, so nothing can be said of files that have no line")
    return Texts({path: tuple(lines) for path, lines in found.items()}, missing, unknown)


TEXTS = Family("texts", host_probe, parse_texts)
