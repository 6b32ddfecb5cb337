"""The build options of dom0's kernel: those of /boot/config that a profile names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.probing.family import Family
from xenproof.probing.probes import KERNEL_CONFIG_CONTROL, host_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# CONFIG_XEN_DOM0=y or # CONFIG_XEN_DOM0 is not set
_ROW = re.compile(r"(?:(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set)", re.ASCII)
NOT_SET = "n"


@dataclass(frozen=True, slots=True)
class KernelConfig:
    """The wanted options that the file contains."""

    values: Mapping[str, str]

    def value(self, name: str) -> str:
        """The value: "y", "m", "n" if it is not set, or a text or number without quotes."""
        return self.values.get(name, NOT_SET)


def parse_kernel_config(output: ProbeOutput) -> KernelConfig:
    """The options; raises ParseError if there is no such file or an option that every kernel has is missing."""
    found: dict[str, str] = {}
    for line in section(output, "kernel-config").ended_with(0).lines:
        if (row := _ROW.fullmatch(line)) is None:
            raise ParseError(f"expected an option of the kernel such as 'CONFIG_XEN_DOM0=y', found {line[:200]!r}")
        found[row[1] or row[3]] = NOT_SET if row[3] else row[2].strip('"')
    if found.get(KERNEL_CONFIG_CONTROL) != "y":
        raise ParseError(f"the kernel's configuration does not say {KERNEL_CONFIG_CONTROL}=y, so it was not read")
    return KernelConfig(found)


KERNEL_CONFIG = Family("kernel_config", host_probe, parse_kernel_config)
