"""What the probes would have printed on the host of a supportconfig, as far as it contains the data."""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.offline_recording import SectionWriter
from xenproof.probing.probes import (
    RC_PATTERN,
    RELEASE,
    TEXT_PATTERNS,
    command_names,
    image_paths,
    section_name,
    stat_paths,
    tail_paths,
    text_paths,
    unit_names,
)
from xenproof.probing.sections import UNKNOWABLE
from xenproof.profile.profile import Profile
from xenproof.supportconfig.blocks import Blocks
from xenproof.supportconfig.integrity import verified
from xenproof.supportconfig.kernel import proc_modules, uname
from xenproof.supportconfig.known_paths import KnownPaths
from xenproof.supportconfig.listing import read_listings
from xenproof.supportconfig.network import interface_list
from xenproof.supportconfig.packages import rpm_packages
from xenproof.supportconfig.processes import process_list
from xenproof.supportconfig.units import list_units, show_units

_MOUNTS = "/proc/mounts"
_WHAT = {
    "xl-help": "`xl help`",
    "virsh": "what virsh says of the driver and of versions",
    "qemu-version": "the version of qemu",
    "qemu-help": "the options of qemu",
    "sshd": "what sshd makes of its configuration (`sshd -T`)",
    "xenstore": "xenstore entry by entry",
    "clock": "the clock against another one",
    "image-devices": "what tells subvolumes apart",
    "image-flags": "the flags of directories",
    "kernel-config": "the configuration of the kernel",
    "leftovers": "every file of a guest below /etc/xen",
    "managed": "every file of a guest below /etc/xen",
    "ssh": "how root's ssh behaves",
    "keys": "whether root's keys open by themselves",
    "authorized": "root's authorized keys",
    "known": "the hosts that root's ssh knows",
    "host-keys": "the public keys of sshd",
}
_WHAT_BY_PREFIX = {
    "journal:": "the journal unit by unit",
    "tool:": "the versions that tools say",
}
_OTHER = "this"


@dataclass(frozen=True)
class SupportconfigSections:
    """The sections of the probes of a profile, made from a supportconfig."""

    blocks: Blocks
    profile: Profile

    def writer(self, name: str) -> SectionWriter:
        """The writer of the section with that name."""
        writers: dict[str, SectionWriter] = {
            "packages": lambda: rpm_packages(self.blocks),
            "xl-info": lambda: self._printed("xl info"),
            "xl-list": self._domain0,
            "xl-dmesg": lambda: self._printed("xl dmesg"),
            "show": lambda: show_units(self.blocks, unit_names(self.profile)),
            # Start links are not collected; each unit that depends on them is unknowable on its own.
            "rc": lambda: f"{RC_PATTERN}\n",
            "list-units": lambda: list_units(self.blocks),
            "integrity": lambda: self._integrity[0],
            "owners": lambda: self._integrity[1],
            "commands": self._commands,
            "reader": lambda: "root\n",
            "release": lambda: f"{uname(self.blocks)[0]}\n",
            "bridges": lambda: interface_list(self.blocks),
            "processes": lambda: process_list(self.blocks),
            "text-list": lambda: _lines(self._texts[0]),
            "text": lambda: _lines(self._texts[1]),
            "stat-list": lambda: _lines(self._stats[0]),
            "stat": lambda: _lines(self._stats[1]),
            "df-list": lambda: _lines(self._filesystems[0]),
            "df": lambda: _lines(self._filesystems[1]),
        }
        tails = {f"tail:{section_name(path)}": path for path in tail_paths(self.profile)}
        if name in tails:
            return lambda: self._tail(tails[name])
        return writers.get(name) or _not_collected(name)

    @cached_property
    def _integrity(self) -> tuple[str, str]:
        return verified(self.blocks, self.profile.entries("integrity"))

    def _printed(self, command: str) -> str:
        if (block := self.blocks.command(command)) is None or block.is_missing:
            raise NotEvaluable(f"this supportconfig has no `{command}`")
        return block.text

    def _domain0(self) -> str:
        """The header and the row of Domain-0 from `xl list`."""
        lines = self._printed("xl list").splitlines()
        rows = [line for line in lines[1:] if re.match(r"Domain-0 +0 ", line)]
        if len(rows) != 1:
            raise ParseError(f"expected one row of Domain-0 in `xl list`, found {[line[:200] for line in lines[:3]]!r}")
        return _lines([lines[0], rows[0]])

    def _commands(self) -> str:
        """The commands that were called with their full paths while collecting, and those that were not found."""
        paths: dict[str, str] = {}
        for block in self.blocks.commands():
            program = block.title.partition(" ")[0]
            name = program.rpartition("/")[2]
            if block.is_missing and program == name:
                paths.setdefault(name, "")
            elif program.startswith("/") and not block.is_missing:
                paths[name] = program
        unknown = f"{UNKNOWABLE}supportconfig does not tell whether the command is there"
        return "".join(f"{name} {paths.get(name, unknown)}\n" for name in command_names(self.profile))

    @cached_property
    def _paths(self) -> KnownPaths:
        derived: dict[str, list[str]] = {}
        if (modules := proc_modules(self.blocks)) is not None:
            derived["/proc/modules"] = list(modules)
        # The file's only line begins with a number sign, so supportconfig removes it from proc.txt as a comment.
        with contextlib.suppress(NotEvaluable, ParseError):
            derived["/proc/sys/kernel/version"] = [uname(self.blocks)[1]]
        return KnownPaths(self.blocks, read_listings(self.blocks.commands()), derived)

    @cached_property
    def _texts(self) -> tuple[list[str], list[str]]:
        return self._paths.texts(self._released(text_paths(self.profile)), TEXT_PATTERNS)

    @cached_property
    def _stats(self) -> tuple[list[str], list[str]]:
        return self._paths.stats(self._released(stat_paths(self.profile)), self.profile.entries("logs"))

    def _released(self, paths: Iterable[str]) -> list[str]:
        try:
            release = uname(self.blocks)[0]
        except (NotEvaluable, ParseError):
            return list(paths)  # reported as unknown under these names
        return [path.replace(RELEASE, release) for path in paths]

    @cached_property
    def _filesystems(self) -> tuple[list[str], list[str]]:
        """The directories that are mount points, and their rows as 'df -PT' prints them, without numbers."""
        block = self.blocks.configuration(_MOUNTS)
        mounted = {words[1]: words[2] for line in (block.lines if block else ()) if len(words := line.split()) >= 3}
        listing, rows = list[str](), list[str]()
        for path in image_paths(self.profile):
            if path in mounted:
                listing.append(f"there {path}")
                rows.append(f"mounted {mounted[path]} - - - - {path}")
            else:
                listing.append(f"unknown {path}\tsupportconfig does not tell whether {path} is there")
        header = ["Filesystem Type 1024-blocks Used Available Capacity Mounted on"] if rows else []
        return listing, header + rows

    def _tail(self, path: str) -> str:
        if (block := self.blocks.log(path)) is None or block.is_missing:
            raise NotEvaluable(f"supportconfig does not collect the log {path}")
        return block.text


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _not_collected(name: str) -> SectionWriter:
    by_prefix = next((what for prefix, what in _WHAT_BY_PREFIX.items() if name.startswith(prefix)), _OTHER)
    reason = f"supportconfig does not collect {_WHAT.get(name, by_prefix)}"

    def write() -> str:
        raise NotEvaluable(reason)

    return write
