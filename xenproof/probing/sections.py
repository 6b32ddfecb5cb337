"""Sections: the parts of one probe's output, each with the exit code of its command.

A section looks like this, with an empty line before its end:

    @@xl-info
    host                   : dom0

    @@xl-info 0

A source that cannot determine what the command would print gives the reason instead; the section is then not evaluable:

    @@xl-info

    @@xl-info unknowable a disk image runs no hypervisor

A host that prints such lines itself can make an output unreadable, but cannot forge a section: nothing may
stand between sections, no section may come twice, and a section that a host printed, or whose
text looks like an end, has a mark on both lines that its text cannot contain:

    @@xl-info 5f1c62a9d0b84e73a1f60c9d2e7b8a45
    host                   : dom0

    @@xl-info 5f1c62a9d0b84e73a1f60c9d2e7b8a45 0
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.source.probe import ProbeOutput
from xenproof.source.script import SECTION_MARK

# Parsers match patterns against lines: a hostile host must not make that take for ever.
LONGEST_LINE = 8192
# Python needs 50 bytes and more for each line; a host with every package of SLES prints 10,000 in one section.
MOST_LINES = 200_000
_MOST_SECTIONS = 1000
# Begins a single value that the source cannot determine, in a section that is otherwise known; the reason follows.
UNKNOWABLE = "unknowable "
_BEGIN = re.compile(r"@@([A-Za-z0-9:._@-]{1,200})((?: [0-9a-f]{32})?)\n")
# What follows the name and the mark in the last line: 0, or unknowable REASON
_END = re.compile(r"(?:(\d{1,3})|unknowable (\S.{0,400}))\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Section:
    """What one command of a probe printed, and its exit code; or why the source has neither."""

    name: str
    text: str
    exit_code: int
    unknowable: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines without their ends; only a line feed ends a line.

        Raises ParseError if there are too many, or if one is too long.
        """
        if (count := self.text.count("\n")) > MOST_LINES:
            raise ParseError(f"{self.name!r} printed {count} lines, expected {MOST_LINES} or fewer")
        found = self.text.removesuffix("\n").split("\n") if self.text else []
        if too_long := next((line for line in found if len(line) > LONGEST_LINE), None):
            raise ParseError(
                f"{self.name!r} printed a line of {len(too_long)} letters, expected {LONGEST_LINE} or fewer"
            )
        return found

    def ended_with(self, *allowed: int) -> "Section":
        """This section, if its exit code is one of `allowed`; raises ParseError otherwise."""
        if self.exit_code not in allowed:
            raise ParseError(
                f"{self.name!r} ended with exit code {self.exit_code}, expected one of {list(allowed)}; "
                f"it printed: {self.text[-300:]!r}"
            )
        return self


def framed(name: str, command: str) -> str:
    """Shell text that runs `command` and prints its output as the section `name`, with the mark of the script."""
    mark = f"${{{SECTION_MARK}-}}"
    return f'printf \'@@{name}%s\\n\' "{mark}"\n{command}\nprintf \'\\n@@{name}%s %s\\n\' "{mark}" "$?"\n'


def printed(name: str, text: str, exit_code: int = 0) -> str:
    """The section `name` as a host would have printed it: for sources that are not a running host."""
    mark = ""
    if f"\n@@{name} " in f"\n{text}":
        # No text can hold its own digest.
        mark = f" {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    return f"@@{name}{mark}\n{text}\n@@{name}{mark} {exit_code}\n"


def unknowable(name: str, reason: str) -> str:
    """The section `name` of a source that cannot determine what a host would print."""
    return f"@@{name}\n\n@@{name} unknowable {' '.join(reason.split())}\n"


def section_names(script: str) -> list[str]:
    """The sections that a probe's shell text prints, in their order."""
    return re.findall(r"^printf '@@([A-Za-z0-9:._@-]+)%s\\n' ", script, re.MULTILINE)


def known(value: str) -> str:
    """A value that a host printed; raises NotEvaluable if the source wrote "unknowable REASON" instead."""
    if value.startswith(UNKNOWABLE):
        raise NotEvaluable(value.removeprefix(UNKNOWABLE))
    return value


def sections(output: ProbeOutput) -> Mapping[str, Section]:
    """Every section of a probe's output, which is split once; raises ParseError if a section is incomplete.

    If a time limit ended the probe, only its complete sections are returned.
    """
    return output.cache.once("sections", lambda: _cut(output))


def _cut(output: ProbeOutput) -> Mapping[str, Section]:
    text, found, at = output.text, dict[str, Section](), 0
    while at < len(text) or not found:
        # @@xl-info, or @@xl-info MARK
        begin = _BEGIN.match(text, at)
        if begin is None and output.timed_out and "\n" not in text[at:]:
            break
        if begin is None:
            raise ParseError(
                f"probe {output.name!r}: expected the beginning of a section, found {text[at : at + 80]!r}"
            )
        name = begin[1]
        stop, end = _end(text, f"\n@@{name}{begin[2]} ", begin.end())
        if end is None and output.timed_out:
            break
        if end is None:
            raise ParseError(f"probe {output.name!r}: section {name!r} is cut off after {text[-80:]!r}")
        if name in found:
            raise ParseError(f"probe {output.name!r}: section {name!r} is there twice")
        if len(found) >= _MOST_SECTIONS:
            raise ParseError(f"probe {output.name!r}: there are more than {_MOST_SECTIONS} sections")
        found[name] = Section(name, text[begin.end() : stop], int(end[1] or 0), end[2] or "")
        at = end.end()
    return found


def _end(text: str, mark: str, at: int) -> tuple[int, re.Match[str] | None]:
    """Where the last line of a section begins, searched from `at` on, and its parsed text; None if there is none."""
    # @@xl-info 0, @@xl-info MARK 0, or @@xl-info unknowable REASON
    while (at := text.find(mark, at)) >= 0:
        if end := _END.match(text, at + len(mark)):
            return at, end
        at += 1
    return at, None


def section(output: ProbeOutput, name: str) -> Section:
    """The section `name` of a probe's output.

    Raises ParseError if it is missing, NotEvaluable if the source cannot determine it.
    """
    found = sections(output)
    if name not in found and output.timed_out:
        printed = (output.error_text or output.text).strip()[-300:]
        raise ParseError(
            f"probe {output.name!r} did not end within its limit, and did not complete {name!r}; "
            f"its last output: {printed!r}"
        )
    if name not in found:
        raise ParseError(f"probe {output.name!r} has no section {name!r}, only {', '.join(found)}")
    if found[name].unknowable:
        raise NotEvaluable(found[name].unknowable)
    return found[name]
