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
    """The lines of each existing file, the names of missing files, and the reasons why others are unknown."""

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
        """The only line of a file; raises ParseError if it has another number of lines."""
        if len(found := self.of(path)) != 1:
            raise ParseError(f"expected one line in {path}, found {len(found)}")
        return found[0]

    def below(self, folder: str) -> list[str]:
        """The files that were read in a folder, by name; raises NotEvaluable if there may be more of them."""
        if why := next((why for path, why in self.unknown.items() if path.rpartition("/")[0] == folder), None):
            raise NotEvaluable(why)
        return sorted(path for path in self.lines if path.rpartition("/")[0] == folder)


def parse_texts(output: ProbeOutput) -> Texts:
    """The files, from lines such as '/proc/cmdline:quiet'; many families use them, so they are parsed once.

    Raises ParseError if a line belongs to no file that was to be read, or /proc/cmdline was not read.
    """
    return output.cache.once("texts", lambda: _parsed(output))


def _parsed(output: ProbeOutput) -> Texts:
    there, missing = believable_listing(output, "text")
    # Look up prefixes by length, not path by path: the cost of a line must not grow with the number of paths.
    longest_first = sorted({len(path) for path in there}, reverse=True)
    found: dict[str, list[str]] = {path: [] for path in there}
    for line in section(output, "text").ended_with(0).lines:
        end = next((at for at in longest_first if line[at : at + 1] == ":" and line[:at] in found), None)
        if end is None:
            raise ParseError(f"expected a line of a file, as 'grep -H' prints it, found {line[:200]!r}")
        found[line[:end]].append(line[end + 1 :])
    unknown = unknown_paths(output, "text")
    if not found.get(CONTROL) and CONTROL not in unknown:
        raise ParseError(f"{CONTROL} was not read, so nothing is known of files that have no line")
    return Texts({path: tuple(lines) for path, lines in found.items()}, missing, unknown)


TEXTS = Family("texts", host_probe, parse_texts)
