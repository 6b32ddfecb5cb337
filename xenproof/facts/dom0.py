"""Domain-0's share of the machine: the share that its options fix, and the actual one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.texts import TEXTS
from xenproof.facts.xl import XL_INFO, XL_LIST, Domain0
from xenproof.probing.answer import Answer
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

# A size as Xen reads it: 1024M, 0x400M, 1048576.  Without a suffix it is KiB.
_SIZE = re.compile(r"(0[xX][0-9a-fA-F]{1,12}|[0-9]{1,15})([bBkKmMgGtT]?)")
_BYTES = {"b": 1, "": 1 << 10, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
# 2 or 1-4 or 2- or -4
_VCPUS = re.compile(r"(\d{0,5})(-?)(\d{0,5})")

_CAPABILITIES = "/proc/xen/capabilities"

# dom0's kernel returns some pages at boot, and xl rounds down.
SLACK_MIB = 4


@dataclass(frozen=True, slots=True)
class Dom0Mem:
    """The option dom0_mem, in bytes; None for a part that is not set."""

    amount: int | None
    least: int | None
    most: int | None

    @property
    def fixed_mib(self) -> int | None:
        """The one size that the option allows, in MiB; None if it allows several."""
        bounds = {size for size in (self.least, self.most) if size is not None}
        if self.amount is not None:
            return self.amount >> 20 if bounds <= {self.amount} else None
        return bounds.pop() >> 20 if len(bounds) == 1 and None not in (self.least, self.most) else None


def dom0_mem(options: Sequence[str]) -> Dom0Mem | None:
    """The effective dom0_mem options, None without any; raises NotEvaluable if a part is not a fixed size."""
    parts: dict[str, int] = {}
    values = [word.partition("=")[2] for word in options if word.startswith("dom0_mem=")]
    for part in [part for value in values for part in value.split(",")]:
        kind, colon, text = part.rpartition(":")
        if (size := _SIZE.fullmatch(text)) is None or (colon and kind not in ("min", "max")):
            raise NotEvaluable(f"dom0_mem has the part {part[:80]!r}, which is no fixed size")
        number = size[1]
        base = 16 if number[:2] in ("0x", "0X") else 8 if number[0] == "0" and number.isdecimal() else 10
        try:
            parts[kind] = int(number, base) * _BYTES[size[2].lower()]
        except ValueError as error:
            raise NotEvaluable(f"dom0_mem has the part {part[:80]!r}, which is no number") from error
    return Dom0Mem(parts.get(""), parts.get("min"), parts.get("max")) if values else None


def dom0_vcpus(options: Sequence[str], cpus: int) -> int | None:
    """The number of vCPUs that dom0_max_vcpus gives Domain-0 on a machine with `cpus`, None without the option.

    The rule is the hypervisor's: N is exactly N; MIN-MAX is the number of CPUs, limited to that range.
    """
    values = [word.partition("=")[2] for word in options if word.startswith("dom0_max_vcpus=")]
    if not values:
        return None
    found = _VCPUS.fullmatch(values[-1])
    if found is None or values[-1] in ("", "-"):
        raise ParseError(f"expected dom0_max_vcpus=N or MIN-MAX, found {values[-1][:80]!r}")
    least = int(found[1] or 1)
    most = int(found[3]) if found[3] else max(cpus, least) if found[2] else least
    return min(max(cpus, least), max(most, 1))


@dataclass(frozen=True, slots=True)
class Dom0:
    """Domain-0 as it is, and as its options configure it."""

    recording: Recording
    profile: Profile

    def pinned(self, what: str) -> Answer:
        """Whether an option of the running hypervisor fixes Domain-0's "memory" or "vcpus"."""
        options = self._options
        if what == "memory":
            try:
                option = dom0_mem(options)
            except NotEvaluable as error:
                # A share of the machine, all memory but a part, or a value that Xen rejects: not a fixed size.
                return Answer(False, str(error))
            if option is None:
                return Answer(False, "the running hypervisor has no dom0_mem")
            return Answer(option.fixed_mib is not None, f"{_written('dom0_mem=', options)}")
        number = dom0_vcpus(options, XL_INFO.of(self.recording, self.profile).cpus)
        if number is None:
            return Answer(False, "the running hypervisor has no dom0_max_vcpus")
        return Answer(True, _written("dom0_max_vcpus=", options))

    def running(self, what: str) -> Answer:
        """Whether Domain-0 has what the options fix; raises NotEvaluable if they fix nothing."""
        if what == "memory":
            option = dom0_mem(self._options)
            if option is None or (size := option.fixed_mib) is None:
                raise NotEvaluable("the options of the hypervisor fix no size of Domain-0 to compare with")
            have = self.measured.mem_mib
            return Answer(abs(have - size) <= SLACK_MIB, f"Domain-0 has {have} MiB of {size} MiB")
        number = dom0_vcpus(self._options, XL_INFO.of(self.recording, self.profile).cpus)
        if number is None:
            raise NotEvaluable("the options of the hypervisor give no number of vCPUs to compare with")
        return Answer(self.measured.vcpus == number, f"Domain-0 has {self.measured.vcpus} vCPUs of {number}")

    @property
    def measured(self) -> Domain0:
        """Memory and vCPUs as xl reports them."""
        return XL_LIST.of(self.recording, self.profile)

    @property
    def control(self) -> Answer:
        """Whether Linux is the domain that controls Xen."""
        texts = TEXTS.of(self.recording, self.profile)
        if _CAPABILITIES in texts.missing:
            return Answer(False, f"there is no {_CAPABILITIES}, as on a machine without Xen")
        found = " ".join(texts.of(_CAPABILITIES))
        return Answer("control_d" in found.split(), f"capabilities {found!r}")

    @property
    def _options(self) -> tuple[str, ...]:
        return XL_INFO.of(self.recording, self.profile).options


def _written(prefix: str, options: Sequence[str]) -> str:
    return " ".join(word for word in options if word.startswith(prefix))
