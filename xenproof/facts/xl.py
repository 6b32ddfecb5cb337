"""The output of `xl` about the hypervisor, Domain-0 and xl itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.probing.answer import Answer
from xenproof.probing.family import Family
from xenproof.probing.probes import xen_probe
from xenproof.probing.sections import section
from xenproof.source.probe import ProbeOutput

# xen_version            : 4.17.7
_FIELD = re.compile(r"([A-Za-z_0-9]+) *: ?(.*)")
_CPUS = re.compile(r"[0-9]{1,6}")
_FIRST, _LAST = "host", "xend_config_format"
_NEEDED = frozenset({_FIRST, _LAST, "release", "nr_cpus", "total_memory", "xen_version", "xen_commandline"})

# Domain-0                                     0  1024     2     r-----      91.2
_DOMAIN = re.compile(r"(.*?) +(\d{1,6}) +(\d{1,9}) +(\d{1,5}) +(\S+) +(\d+\.\d)")
_DOMAIN_HEADER = ["Name", "ID", "Mem", "VCPUs", "State", "Time(s)"]

# Every xl has these; output that lists none of them is not xl's help.
_CONTROLS = frozenset({"create", "list", "dmesg"})
#  pci-list            List pass-through pci devices for a domain
_SUBCOMMAND = re.compile(r" ([a-z][a-z0-9-]+)(?: .*)?")


@dataclass(frozen=True, slots=True)
class XlInfo:
    """The fields of `xl info`."""

    fields: Mapping[str, str]

    def value(self, name: str) -> str:
        """The text of a field; raises ParseError if this Xen does not print it."""
        if name not in self.fields:
            raise ParseError(f"'xl info' has no field {name!r}, only {', '.join(self.fields)}")
        return self.fields[name].strip()

    def words(self, name: str) -> tuple[str, ...]:
        """The words of a field; raises ParseError if this Xen does not print it."""
        return tuple(self.value(name).split())

    @property
    def options(self) -> tuple[str, ...]:
        """The boot options of the running hypervisor."""
        return self.words("xen_commandline")

    @property
    def cpus(self) -> int:
        """The number of physical CPUs that Xen uses; raises ParseError if it is not a number."""
        if not _CPUS.fullmatch(found := self.value("nr_cpus")):
            raise ParseError(f"expected a number of CPUs in 'xl info', found {found[:200]!r}")
        return int(found)


@dataclass(frozen=True, slots=True)
class Domain0:
    """Domain-0 as `xl list` reports it."""

    mem_mib: int
    vcpus: int


@dataclass(frozen=True, slots=True)
class XlCommands:
    """The subcommands that `xl help` lists."""

    names: frozenset[str]

    def present(self, name: str) -> Answer:
        """Whether xl has the subcommand."""
        return Answer(name in self.names, f"{'one' if name in self.names else 'none'} of {len(self.names)} subcommands")


def parse_xl_info(output: ProbeOutput) -> XlInfo:
    """The fields of `xl info`; raises ParseError if a line is not a field or one that every Xen prints is missing."""
    fields: dict[str, str] = {}
    for line in section(output, "xl-info").ended_with(0).lines:
        if (found := _FIELD.fullmatch(line)) is None or found[1] in fields:
            raise ParseError(f"expected a new field such as 'xen_major : 4' in 'xl info', found {line[:200]!r}")
        fields[found[1]] = found[2]
    if missing := _NEEDED - fields.keys():
        raise ParseError(f"'xl info' has no {', '.join(sorted(missing))}")
    return XlInfo(fields)


def parse_xl_list(output: ProbeOutput) -> Domain0:
    """Memory in MiB and vCPUs of Domain-0; raises ParseError unless it is the only listed domain."""
    lines = section(output, "xl-list").ended_with(0).lines
    if len(lines) != 2 or lines[0].split() != _DOMAIN_HEADER or not (row := _DOMAIN.fullmatch(lines[1])):
        raise ParseError(f"expected a header and one domain from 'xl list 0', found {lines[:3]!r}")
    if int(row[2]) != 0:
        raise ParseError(f"expected domain 0 from 'xl list 0', found {row[0]!r}")
    return Domain0(int(row[3]), int(row[4]))


def parse_xl_help(output: ProbeOutput) -> XlCommands:
    """The subcommands of xl; raises ParseError if none of those that every xl has is listed.

    If only some are missing, the checks report that.
    """
    first, *rows = section(output, "xl-help").ended_with(0).lines or [""]
    names = frozenset(found[1] for row in rows if (found := _SUBCOMMAND.fullmatch(row)))
    if not first.startswith("Usage xl ") or not names & _CONTROLS:
        raise ParseError(f"expected the usage of xl and its subcommands, found {first[:80]!r} and {len(names)} of them")
    return XlCommands(names)


def parse_xl_dmesg(output: ProbeOutput) -> str:
    """The hypervisor's log; raises ParseError if none of its lines is the hypervisor's."""
    text = section(output, "xl-dmesg").ended_with(0).text
    if "(XEN) " not in text:
        raise ParseError(f"expected lines that begin with '(XEN) ' in 'xl dmesg', found {text[:80]!r}")
    return text


XL_INFO = Family("hypervisor", xen_probe, parse_xl_info)
XL_LIST = Family("domain0", xen_probe, parse_xl_list)
XL_COMMANDS = Family("xl_commands", xen_probe, parse_xl_help)
XL_DMESG = Family("xl_dmesg", xen_probe, parse_xl_dmesg)
