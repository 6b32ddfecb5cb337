"""The source supportconfig://PATH: a SUSE supportconfig archive, or the directory into which it was unpacked."""

import re
from pathlib import Path

from xenproof.errors import NotEvaluable, ParseError, SourceError
from xenproof.facts.identity import offline_identity
from xenproof.facts.offline_recording import offline_recording
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.supportconfig.archive import read_files
from xenproof.supportconfig.blocks import Block, Blocks, parse_blocks
from xenproof.supportconfig.kernel import uname
from xenproof.supportconfig.packages import rpm_packages
from xenproof.supportconfig.sections import SupportconfigSections

KIND = "supportconfig"
# The files of every supportconfig.
_NEEDED = frozenset({"basic-environment.txt", "rpm.txt"})
# In the order in which their blocks are searched: files about Xen first.
_FILES = (
    "xen.txt",
    "basic-environment.txt",
    "basic-health-check.txt",
    "rpm.txt",
    "boot.txt",
    "systemd.txt",
    "etc.txt",
    "sysconfig.txt",
    "env.txt",
    "modules.txt",
    "network.txt",
    "proc.txt",
    "fs-diskio.txt",
    "ssh.txt",
)
# Newer archives have a plugin for Xen: plugin-xen.txt, plugin-xen-supportconfig.txt
_PLUGIN = re.compile(r"plugin-(?=.*xen)[\w.-]+\.txt")
# Thousands of disks or units have one block each; each costs some hundred bytes and some time.
_MOST_BLOCKS = 20_000
_OS_RELEASE = "/etc/os-release"
_NAME = re.compile(r"PRETTY_NAME=\"?([^\"]*)\"?")
_LONGEST_NAME = 256


def read_supportconfig(url: str, path: Path, profile: Profile) -> Recording:
    """The recording made from a supportconfig; raises SourceError with the reason if `path` is not one."""
    files = read_files(path, lambda name: name in _FILES or _PLUGIN.fullmatch(name) is not None)
    if missing := _NEEDED - files.keys():
        raise SourceError(
            f"{path} is no supportconfig: expected {', '.join(sorted(_NEEDED))} in it, {', '.join(sorted(missing))} is "
            "missing; name the archive that supportconfig wrote, or the directory in it"
        )
    names = sorted(files, key=lambda name: _FILES.index(name) if name in _FILES else -1)
    present = frozenset(files)
    found: list[Block] = []
    for name in names:
        for block in parse_blocks(name, files.pop(name)):
            found.append(block)
            if len(found) > _MOST_BLOCKS:
                raise SourceError(f"{path} has more than {_MOST_BLOCKS:,} blocks, up to {name}: is it a supportconfig?")
    blocks = Blocks(tuple(found), present)
    try:
        release = uname(blocks)[0]
    except (NotEvaluable, ParseError):
        release = ""  # the checks that need it report the reason
    identity = offline_identity(KIND, kernel=release, system=_system(blocks), xl=_xl(blocks))
    date = blocks.command("date")
    printed = date.body[:80].partition(b"\n")[0].decode("utf-8", "replace") if date else ""
    collected = f", collected {printed}" if printed else ""
    about = {"source": f"{KIND}, not a running host{collected}"}
    return offline_recording(url, profile, identity, SupportconfigSections(blocks, profile).writer, about)


def _system(blocks: Blocks) -> str:
    block = blocks.configuration(_OS_RELEASE)
    try:
        lines = block.lines if block else ()
    except ParseError:
        return ""
    names = (found[1] for line in lines if (found := _NAME.fullmatch(line.rstrip())))
    return next(names, "")[:_LONGEST_NAME]


def _xl(blocks: Blocks) -> str:
    """The path of xl as it was called, or the package that contains it; empty if there is neither."""
    block = blocks.command("xl info")
    if block is not None and not block.is_missing:
        return block.title.partition(" ")[0]
    try:
        packages = rpm_packages(blocks)
    except (NotEvaluable, ParseError):
        return ""
    found = next((line.replace("\t", " ").strip() for line in packages.splitlines() if "\txen-tools\t" in line), "")
    return found[:_LONGEST_NAME]
