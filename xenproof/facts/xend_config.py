"""The settings of a xend-config.sxp that an upgrade left."""

from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.texts import parse_texts
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.probing.sxp import Sxp, parse_sxp
from xenproof.source.probe import ProbeOutput

XEND_CONFIG_SXP = "/etc/xen/xend-config.sxp"


@dataclass(frozen=True, slots=True)
class XendSetting:
    """One setting: its name and its values as words; nested lists are in parentheses."""

    name: str
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """The values as one text, such as "network-bridge bridge=br0"."""
        return " ".join(self.values)


@dataclass(frozen=True, slots=True)
class XendConfig:
    """The settings in order, each once as xend read them; None if the file does not exist."""

    settings: tuple[XendSetting, ...] | None


def parse_xend_config(output: ProbeOutput) -> XendConfig:
    """The settings; raises ParseError if the file holds anything but lists that begin with a name."""
    texts = parse_texts(output)
    if XEND_CONFIG_SXP in texts.missing:
        return XendConfig(None)
    found: dict[str, XendSetting] = {}
    for expression in parse_sxp("\n".join(texts.of(XEND_CONFIG_SXP))):
        if not isinstance(expression, list) or not expression or not isinstance(expression[0], str):
            raise ParseError(
                f"expected a setting such as (dom0-cpus 0) in {XEND_CONFIG_SXP}, found {expression!r:.200}"
            )
        # xend uses the first one.
        found.setdefault(expression[0], XendSetting(expression[0], tuple(map(_text, expression[1:]))))
    return XendConfig(tuple(found.values()))


def _text(expression: Sxp) -> str:
    return expression if isinstance(expression, str) else f"({' '.join(map(_text, expression))})"


XEND_CONFIG = Family("xend_config", host_probe, parse_xend_config)
