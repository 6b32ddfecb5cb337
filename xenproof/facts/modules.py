"""Kernel modules: loaded ones, and those that are built into the kernel."""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.answer import Answer
from xenproof.facts.family import Family
from xenproof.facts.files import release
from xenproof.facts.probes import host_probe
from xenproof.facts.texts import parse_texts
from xenproof.source.probe import ProbeOutput

LOADED = "/proc/modules"
# bridge 319488 0 - Live 0xffffffffc077b000
_LOADED = re.compile(r"([\w-]+) \d+ -?\d+ \S+ (?:Live|Loading|Unloading) .*", re.ASCII)
# kernel/drivers/xen/xen-evtchn.ko
_BUILT_IN = re.compile(r"(?:[\w.+-]+/)+([\w.+-]+)\.ko", re.ASCII)


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules that the running kernel has; `-` and `_` are the same in their names.

    `unknown` is why a source cannot know which are loaded, empty if it can.
    """

    names: frozenset[str]
    built_in: frozenset[str]
    unknown: str = ""

    def loaded(self, name: str) -> Answer:
        """Whether the running kernel has the module; raises NotEvaluable if only a running one would tell."""
        plain = name.replace("-", "_")
        if plain in self.built_in:
            return Answer(True, "built into the kernel")
        if self.unknown:
            raise NotEvaluable(self.unknown)
        return Answer(plain in self.names, "loaded" if plain in self.names else f"not among {len(self.names)} modules")


def parse_modules(output: ProbeOutput) -> Modules:
    """The modules; raises ParseError if a line is none or nothing is loaded or built in."""
    texts = parse_texts(output)
    unknown = texts.unknown.get(LOADED, "")
    loaded = frozenset(_name(_LOADED, line) for line in (() if unknown else texts.of(LOADED)))
    built_in_file = f"/lib/modules/{release(output)}/modules.builtin"
    built_in = frozenset(_name(_BUILT_IN, line) for line in texts.of(built_in_file))
    if not (loaded or unknown) or not built_in:
        raise ParseError(f"expected modules, found {len(loaded)} loaded and {len(built_in)} built into the kernel")
    return Modules(loaded, built_in, unknown)


def _name(pattern: re.Pattern[str], line: str) -> str:
    if (found := pattern.fullmatch(line)) is None:
        raise ParseError(f"expected a kernel module, found {line[:200]!r}")
    return found[1].replace("-", "_")


MODULES = Family("modules", host_probe, parse_modules)
