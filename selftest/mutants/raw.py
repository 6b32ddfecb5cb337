"""A recording as text that can be edited: what each probe's sections printed, before any parser saw it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from xenproof.errors import ParseError
from xenproof.probing.sections import Section, printed, sections, unknowable
from xenproof.source.probe import ProbeOutput, Recording

Lines = list[str]
Test = Callable[[str], bool]


class NotPossible(Exception):
    """This recording cannot be changed in the wanted way; the message says why."""


@dataclass(frozen=True, slots=True)
class Raw:
    """What a host printed, section by section.

    It is never changed: each edit gives another one, which shares with it what is the same.
    `probes` has the sections of each probe by name; `plain` are the outputs that have none.
    """

    host: str
    taken: str
    about: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, Section]] = field(default_factory=dict)
    plain: Mapping[str, ProbeOutput] = field(default_factory=dict)

    @staticmethod
    def of(recording: Recording) -> "Raw":
        """The text of a recording; outputs that are not made of sections are kept as they are."""
        probes: dict[str, Mapping[str, Section]] = {}
        plain: dict[str, ProbeOutput] = {}
        for name, output in recording.outputs.items():
            try:
                probes[name] = sections(output)
            except ParseError:
                plain[name] = output
        return Raw(recording.host, recording.taken, recording.about, probes, plain)

    def recording(self) -> Recording:
        """The recording with this text."""
        outputs = dict(self.plain)
        for name, found in self.probes.items():
            text = "".join(map(_printed, found.values()))
            outputs[name] = ProbeOutput(name, text.encode("utf-8", "surrogateescape"), b"", 0)
        return Recording(self.host, self.taken, outputs, self.about)

    def has(self, name: str) -> bool:
        """Whether there is such a section."""
        return any(name in found for found in self.probes.values())

    def text(self, name: str) -> str:
        """What the section holds; raises NotPossible if there is none or its source could not know it."""
        found = self.probes[self._probe(name)][name]
        if found.unknowable:
            raise NotPossible(f"the section {name!r} could not be known: {found.unknowable}")
        return found.text

    def lines(self, name: str) -> Lines:
        """The section's lines without their ends."""
        text = self.text(name)
        return text.removesuffix("\n").split("\n") if text else []

    def with_text(self, name: str, text: str, exit_code: int = 0, probe: str | None = None) -> "Raw":
        """This host with another text in the section; `probe` names the probe of a section that is new."""
        at = self._probe(name) if probe is None else probe
        found = {**self.probes.get(at, {}), name: Section(name, text, exit_code)}
        return dataclasses.replace(self, probes={**self.probes, at: found})

    def with_lines(self, name: str, lines: Iterable[str]) -> "Raw":
        """This host with other lines in the section."""
        return self.with_text(name, "".join(f"{line}\n" for line in lines))

    def edited(self, name: str, change: Callable[[Lines], Iterable[str]]) -> "Raw":
        """This host with the section's lines changed."""
        return self.with_lines(name, change(self.lines(name)))

    def _probe(self, name: str) -> str:
        for probe, found in self.probes.items():
            if name in found:
                return probe
        raise NotPossible(f"no probe printed a section {name!r}")


def _printed(section: Section) -> str:
    if section.unknowable:
        return unknowable(section.name, section.unknowable)
    return printed(section.name, section.text, section.exit_code)


def put(lines: Iterable[str], is_it: Test, *new: str) -> Lines:
    """The lines with `new` where the first stood that `is_it` is true of, or at the end; others of those are gone."""
    kept: Lines = []
    placed = False
    for line in lines:
        if not is_it(line):
            kept.append(line)
        elif not placed:
            kept += new
            placed = True
    return kept if placed else [*kept, *new]


def word(number: int, text: str, separator: str | None = None) -> Test:
    """Whether a line's word of that number, from 0, is `text`."""
    return lambda line: line.split(separator)[number : number + 1] == [text]
