"""The fate of each setting in a xend-config.sxp that an upgrade left, and whether this host has it today.

xend_settings.yaml lists where each setting is today; the rules that read it from a host are here.
"""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from ruamel.yaml import YAML

from xenproof.errors import NotEvaluable
from xenproof.facts.bridges import BRIDGES, Bridges
from xenproof.facts.dom0 import dom0_mem, dom0_vcpus
from xenproof.facts.sshd import SSHD
from xenproof.facts.texts import TEXTS, Texts
from xenproof.facts.xend_config import XEND_CONFIG, XEND_CONFIG_SXP, XendSetting
from xenproof.facts.xl import XL_INFO, XlInfo
from xenproof.facts.xl_conf import UNSET, XL_CONF_SETTINGS, XlConf
from xenproof.probing.answer import Answer
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

LIBXL_CONF = "/etc/libvirt/libxl.conf"
_YES = frozenset({"yes", "y", "1", "on", "true", "t"})
_LETS_KEYS_IN = frozenset({"yes", "prohibit-password", "without-password"})
# xl's own defaults: xl.conf(5)
_DEFAULT_SCRIPT, _DEFAULT_BRIDGE = "vif-bridge", "xenbr0"
# lock_manager = "lockd"
_LOCK_MANAGER = re.compile(r"""\s*lock_manager\s*=\s*["'](\w+)["']\s*(?:#.*)?""")


class Fate(StrEnum):
    """The fate of a setting; the value is the word in the report."""

    MISSING = "missing"
    UNCLEAR = "unclear"
    HERE = "here"
    GUEST = "guest"
    DEFAULT = "default"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting is today; `rule` is the name of the function that checks it, "" if there is nothing to check."""

    place: str
    rule: str = ""
    unset: tuple[str, ...] = ()
    guest: bool = False


@functools.cache
def places() -> Mapping[str, Place]:
    """Today's place of each setting that xend had."""
    text = resources.files("xenproof.facts").joinpath("xend_settings.yaml").read_text("utf-8")
    rows: dict[str, dict[str, Any]] = YAML(typ="safe", pure=True).load(text)
    return {name: Place(**{**row, "unset": tuple(row.get("unset", ()))}) for name, row in rows.items()}


@dataclass(frozen=True, slots=True)
class SettingOutcome:
    """One setting, its fate, and what this host has instead."""

    setting: XendSetting
    fate: Fate
    place: str
    seen: str = ""

    def __str__(self) -> str:
        line = f"{self.fate}: {self.setting.name} {self.setting.text}".rstrip()
        return f"{line} -> {self.place}{f'; {self.seen}' if self.seen else ''}"


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """The settings of the old file, compared with the host."""

    recording: Recording
    profile: Profile

    @property
    def all(self) -> Answer:
        """Whether each setting has its place on this host; missing ones are listed first, then the others.

        Raises NotEvaluable if that is unclear for a setting, and none is known to be missing.
        """
        settings = XEND_CONFIG.of(self.recording, self.profile).settings
        if settings is None:
            return Answer(True, "no xend-config.sxp is left over")
        order = list(Fate)
        found = sorted(map(self._outcome, settings), key=lambda outcome: order.index(outcome.fate))
        lines = "".join(f"\n{outcome}" for outcome in found)
        missing = sum(outcome.fate is Fate.MISSING for outcome in found)
        if not missing and (unclear := [outcome for outcome in found if outcome.fate is Fate.UNCLEAR]):
            raise NotEvaluable(f"of {XEND_CONFIG_SXP}, this is unknown: {'; '.join(map(str, unclear))}")
        if missing:
            return Answer(False, f"{missing} of the {len(found)} settings in {XEND_CONFIG_SXP} are missing{lines}")
        return Answer(True, f"none of the {len(found)} settings in {XEND_CONFIG_SXP} is missing{lines}")

    def _outcome(self, setting: XendSetting) -> SettingOutcome:
        place = places().get(setting.name)
        if place is None:
            return SettingOutcome(setting, Fate.MISSING, "no place is known", "xend of Xen 4.4 had no such setting")
        if setting.text.lower() in place.unset:
            return SettingOutcome(setting, Fate.DEFAULT, place.place)
        if not place.rule:
            return SettingOutcome(setting, Fate.GUEST if place.guest else Fate.GONE, place.place)
        try:
            answer = _RULES[place.rule](self, setting)
        except NotEvaluable as error:
            return SettingOutcome(setting, Fate.UNCLEAR, place.place, str(error))
        return SettingOutcome(setting, Fate.HERE if answer.yes else Fate.MISSING, place.place, answer.seen)

    @property
    def options(self) -> tuple[str, ...]:
        """The boot options of the running hypervisor."""
        return self.info.options

    @property
    def info(self) -> XlInfo:
        """The fields of `xl info`."""
        return XL_INFO.of(self.recording, self.profile)

    @property
    def xl_conf(self) -> XlConf:
        """The settings of xl.conf."""
        return XL_CONF_SETTINGS.of(self.recording, self.profile)

    @property
    def bridges(self) -> Bridges:
        """The network bridges."""
        return BRIDGES.of(self.recording, self.profile)

    @property
    def texts(self) -> Texts:
        """The configuration files."""
        return TEXTS.of(self.recording, self.profile)

    def sshd(self, name: str) -> str:
        """An option of the ssh server."""
        return SSHD.of(self.recording, self.profile).value(name)


def _sshd(host: CarriedOver, setting: XendSetting) -> Answer:  # noqa: ARG001  # xend's server was on
    found = host.sshd("permitrootlogin")
    return Answer(found in _LETS_KEYS_IN, f"permitrootlogin is {found}")


def _dom0_min_mem(host: CarriedOver, setting: XendSetting) -> Answer:
    want, option = _number(setting), dom0_mem(host.options)
    if want is None or option is None:
        return Answer(False, "the hypervisor has no dom0_mem" if option is None else f"{setting.text!r} is no number")
    floor = option.fixed_mib if option.fixed_mib is not None else (option.least or 0) >> 20
    return Answer(floor >= want, f"dom0_mem leaves Domain-0 {floor} MiB or more")


def _ballooning(host: CarriedOver, setting: XendSetting) -> Answer:
    option, autoballoon = dom0_mem(host.options), host.xl_conf.value("autoballoon")
    balloons = autoballoon in ("on", "1") or (autoballoon in ("auto", UNSET) and option is None)
    seen = f"autoballoon is {autoballoon}, {'no dom0_mem' if option is None else 'with dom0_mem'}"
    if setting.text.lower() not in _YES:
        return Answer(not balloons, seen)
    return Answer(balloons or (option is not None and option.fixed_mib is not None), seen)


def _reserved_memory(host: CarriedOver, setting: XendSetting) -> Answer:  # noqa: ARG001  # any reserve is accepted
    found = [word for word in host.options if word.startswith("dom0_mem=-")]
    return Answer(bool(found), " ".join(found) or "the hypervisor keeps no memory back")


def _dom0_cpus(host: CarriedOver, setting: XendSetting) -> Answer:
    found = dom0_vcpus(host.options, host.info.cpus)
    seen = "the hypervisor has no dom0_max_vcpus" if found is None else f"dom0_max_vcpus gives Domain-0 {found}"
    return Answer(found is not None and found == _number(setting), seen)


def _xsm(host: CarriedOver, setting: XendSetting) -> Answer:  # noqa: ARG001  # any module is accepted
    found = [word for word in host.options if word.startswith("flask=")]
    return Answer(bool(found) and found[-1] != "flask=disabled", " ".join(found) or "the hypervisor has no flask=")


def _bridge(host: CarriedOver, setting: XendSetting) -> Answer:
    script, parameters = _script(setting)
    if script != "network-bridge":
        raise NotEvaluable(f"only an administrator knows what the script {script!r} did")
    there = ", ".join(host.bridges.rows)
    if name := parameters.get("bridge"):
        return Answer(host.bridges.exists(name).yes, f"the bridges are {there}" if there else "there is no bridge")
    return Answer(bool(there), f"there is the bridge {there}" if there else "there is no bridge")


def _vif_script(host: CarriedOver, setting: XendSetting) -> Answer:
    wanted, parameters = _script(setting)
    script = _first_set(host.xl_conf, ("vif.default.script", "vifscript"), _DEFAULT_SCRIPT)
    bridge = _first_set(host.xl_conf, ("vif.default.bridge", "defaultbridge"), _DEFAULT_BRIDGE)
    same = script.rpartition("/")[2] == wanted and parameters.get("bridge", bridge) == bridge
    return Answer(same, f"xl's default is {script} with the bridge {bridge}")


def _lock_manager(host: CarriedOver, setting: XendSetting) -> Answer:  # noqa: ARG001  # xend's lock was on
    if LIBXL_CONF in host.texts.missing:
        return Answer(False, f"there is no {LIBXL_CONF}")
    found = [row[1] for line in host.texts.of(LIBXL_CONF) if (row := _LOCK_MANAGER.fullmatch(line))]
    return Answer(
        bool(found) and found[-1] != "nop", f"lock_manager is {found[-1]}" if found else "it is not set there"
    )


_RULES: Mapping[str, Callable[[CarriedOver, XendSetting], Answer]] = {
    "sshd": _sshd,
    "dom0_min_mem": _dom0_min_mem,
    "ballooning": _ballooning,
    "reserved_memory": _reserved_memory,
    "dom0_cpus": _dom0_cpus,
    "xsm": _xsm,
    "bridge": _bridge,
    "vif_script": _vif_script,
    "lock_manager": _lock_manager,
}


def _number(setting: XendSetting) -> int | None:
    text = setting.text
    return int(text) if len(text) < 16 and text.isascii() and text.isdecimal() else None


def _script(setting: XendSetting) -> tuple[str, dict[str, str]]:
    """The script's file name and its parameters: 'network-bridge bridge=br0' has one."""
    name, *words = setting.text.split() or [""]
    return name.rpartition("/")[2], {key: value for key, _, value in (word.partition("=") for word in words)}


def _first_set(conf: XlConf, names: tuple[str, ...], default: str) -> str:
    return next((value for name in names if (value := conf.value(name)) != UNSET), default)
