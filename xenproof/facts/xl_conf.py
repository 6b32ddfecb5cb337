"""The settings of /etc/xen/xl.conf."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.texts import parse_texts
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.profile.complaint import nearest
from xenproof.source.probe import ProbeOutput

XL_CONF = "/etc/xen/xl.conf"
UNSET = "unset"

# autoballoon="off"   claim_mode=1   vif.default.bridge='xenbr0' ; x = [ "a", "b" ]
_SETTING = re.compile(
    r"""\s*([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*("[^"]*"|'[^']*'|\[.*\]|[^\s"'#;\[\]]+)\s*;?\s*(?:\#.*)?"""
)
_NOTHING = re.compile(r"\s*(?:#.*)?")


@dataclass(frozen=True, slots=True)
class XlConf:
    """The settings in the file; all others have xl's defaults."""

    settings: Mapping[str, str]

    def value(self, name: str) -> str:
        """The value without its quotes, "unset" if the file does not set it."""
        return self.settings.get(name, UNSET)

    def uses_only(self, known: Collection[str]) -> Answer:
        """Whether the file sets only what is in `known`: xl ignores other settings without a warning."""
        if strange := [name for name in self.settings if name not in known]:
            return Answer(False, ", ".join(f"{name!r} is no key of this xl{nearest(name, known)}" for name in strange))
        return Answer(True, f"it sets {', '.join(self.settings) or 'nothing'}")


def parse_xl_conf(output: ProbeOutput) -> XlConf:
    """The settings; raises ParseError if a line is not a setting, NotEvaluable if the file is missing."""
    found: dict[str, str] = {}
    for line in parse_texts(output).of(XL_CONF):
        if _NOTHING.fullmatch(line):
            continue
        if (setting := _SETTING.fullmatch(line)) is None:
            raise ParseError(f'expected a setting such as autoballoon="off" in {XL_CONF}, found {line[:200]!r}')
        value = setting[2]
        found[setting[1]] = value[1:-1] if value[0] in "\"'" else value
    return XlConf(found)


XL_CONF_SETTINGS = Family("xl_conf", host_probe, parse_xl_conf)
