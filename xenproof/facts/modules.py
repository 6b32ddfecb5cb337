"""Kernel modules: those that are loaded, and those that are built into the kernel."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.files import release
from xenproof.facts.texts import parse_texts
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import RELEASE, host_probe
from xenproof.source.probe import ProbeOutput

LOADED = "/proc/modules"
# bridge 319488 0 - Live 0xffffffffc077b000
_LOADED = re.compile(r"([\w-]+) \d+ -?\d+ \S+ (?:Live|Loading|Unloading) .*", re.ASCII)
# kernel/drivers/xen/xen-evtchn.ko
_BUILT_IN = re.compile(r"(?:[\w.+-]+/)+([\w.+-]+)\.ko", re.ASCII)


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules of the running kernel; `-` and `_` are the same in their names.

    `unknown` is the reason why a source cannot determine all of them, empty if it can.
    """

    names: frozenset[str]
    built_in: frozenset[str]
    unknown: str = ""

    def loaded(self, name: str) -> Answer:
        """Whether the running kernel has the module; raises NotEvaluable if only a running kernel can show it."""
        plain = name.replace("-", "_")
        if plain in self.built_in:
            return Answer(True, "built into the kernel")
        if plain in self.names:
            return Answer(True, "loaded")
        if self.unknown:
            raise NotEvaluable(self.unknown)
        return Answer(False, f"not among {len(self.names)} modules")


def parse_modules(output: ProbeOutput) -> Modules:
    """The modules; raises ParseError if a line is not a module, or no module is loaded or built in."""
    texts = parse_texts(output)
    built_in_file = f"/lib/modules/{_release(output)}/modules.builtin"
    unknown = {path: texts.unknown[path] for path in (LOADED, built_in_file) if path in texts.unknown}
    loaded = _names(_LOADED, () if LOADED in unknown else texts.of(LOADED))
    built_in = _names(_BUILT_IN, () if built_in_file in unknown else texts.of(built_in_file))
    if (not loaded and LOADED not in unknown) or (not built_in and built_in_file not in unknown):
        raise ParseError(f"expected modules, found {len(loaded)} loaded and {len(built_in)} built into the kernel")
    return Modules(loaded, built_in, "; ".join(unknown.values()))


def _release(output: ProbeOutput) -> str:
    try:
        return release(output)
    except NotEvaluable:
        return RELEASE  # the file is reported as unknown under this name


def _names(pattern: re.Pattern[str], lines: Iterable[str]) -> frozenset[str]:
    return frozenset(_name(pattern, line) for line in lines)


def _name(pattern: re.Pattern[str], line: str) -> str:
    if (found := pattern.fullmatch(line)) is None:
        raise ParseError(f"expected a kernel module, found {line[:200]!r}")
    return found[1].replace("-", "_")


MODULES = Family("modules", host_probe, parse_modules)
