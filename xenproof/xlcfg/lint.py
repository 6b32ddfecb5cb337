"""Predicts what xl of a release does with a guest's configuration, and warns where its text suggests otherwise.

Only the file is read: no host is needed and nothing is started.  Where a target does not exist on this machine, its
path decides whether it counts as a file or as a block device.
"""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from xenproof.profile.complaint import nearest
from xenproof.xlcfg.backend_rule import TargetKind, predict_backend
from xenproof.xlcfg.cfg_file import Assignment, CfgFile, Value, parse_cfg
from xenproof.xlcfg.disk_spec import DiskSpec, DiskSpecError, parse_disk_spec
from xenproof.xlcfg.xl_series import XlSeries, since

_ACTIONS = ("destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart")
_EVENTS = ("on_poweroff", "on_reboot", "on_watchdog", "on_crash")
_NUMBERS = ("memory", "maxmem", "vcpus", "maxvcpus", "videoram", "shadow_memory", "spiceport", "spicetls_port")
_LONGEST_NUMBER = 64
_QCOW2 = b"QFI\xfb"
# How lines of Python begin, such as "import os"; xl itself detects Python by punctuation only.
_PYTHON = re.compile(r"\s*(import|from|def|if|else|for|while|try|print|return|class)\b")


class Severity(StrEnum):
    """Error: xl refuses the file. Warning: xl does not do what the line suggests. Note: what xl will do."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class LintMessage:
    """One message about a line of a configuration; `hint` is what to do about it, "" for nothing."""

    line: int
    severity: Severity
    text: str
    hint: str = ""


def lint(text: str, series: XlSeries) -> list[LintMessage]:
    """The messages about the configuration in `text` for the xl of `series`, sorted by line."""
    cfg = parse_cfg(text, appends=series.appends)
    if cfg.troubles:
        # xl refuses the whole file, so no other check applies.
        return list(_troubles(text, cfg, series))
    found = [*_keys(cfg, series), *_numbers(cfg), *_events(cfg), *_disks(cfg, series), *_spice(cfg)]
    return sorted(found, key=lambda finding: finding.line)


def _troubles(text: str, cfg: CfgFile, series: XlSeries) -> Iterator[LintMessage]:
    lines = text.split("\n")
    if cfg.likely_python or any(_PYTHON.match(lines[trouble.line - 1]) for trouble in cfg.troubles):
        yield LintMessage(
            cfg.troubles[0].line,
            Severity.ERROR,
            "this is Python: xm ran it, xl refuses the whole file",
            "write the values that the Python would have computed",
        )
    for trouble in cfg.troubles:
        hint = ""
        if trouble.near.startswith("+=") and not series.appends:
            hint = f"xl of Xen {series.name} knows no +=: give the whole list at once"
        near = f" near {trouble.near!r}" if trouble.near else ""
        yield LintMessage(trouble.line, Severity.ERROR, f"{trouble.message}{near}", hint)


def _keys(cfg: CfgFile, series: XlSeries) -> Iterator[LintMessage]:
    seen: dict[str, int] = {}
    for row in cfg.assignments:
        if row.key in seen and not row.appends:
            yield LintMessage(
                row.line, Severity.WARNING, f"{row.key} was set on line {seen[row.key]} already, and this one counts",
                "remove one of them",
            )  # fmt: skip
        seen[row.key] = row.line
        if row.key in series.keys:
            continue
        ignored = f"xl of Xen {series.name} ignores it and prints nothing"
        if row.key in series.gone:
            text = f"{row.key} is gone since Xen {series.gone[row.key]}: {ignored}"
        elif (first := since(row.key)) is not None:
            text = f"{row.key} came with Xen {first}: {ignored}"
        else:
            text = f"no xl knows {row.key}{nearest(row.key, series.keys)}: {ignored}"
        yield LintMessage(row.line, Severity.WARNING, text, "remove it, or say it in a way that this release knows")


def _numbers(cfg: CfgFile) -> Iterator[LintMessage]:
    for row in cfg.assignments:
        if row.key in _NUMBERS and not (isinstance(row.value, str) and _is_number(row.value)):
            yield LintMessage(
                row.line, Severity.WARNING, f"{row.key} is not a number: xl goes on with its default",
                "give a number, such as 512",
            )  # fmt: skip


def _is_number(text: str) -> bool:
    return _value(text) is not None


def _value(text: str) -> int | None:
    """The number in `text`, exact only in whether it is 0; None where xl finds no number or one out of range."""
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        return int(text, 0)
    except ValueError:
        # C reads 010 as an octal number; Python's int(text, 0) refuses it.
        return int(text) if text.isascii() and text.isdigit() else None


def _events(cfg: CfgFile) -> Iterator[LintMessage]:
    for row in cfg.assignments:
        if row.key in _EVENTS and row.value not in _ACTIONS:
            yield LintMessage(
                row.line, Severity.ERROR, f"{row.key} is {_shown(row.value)}: xl knows no such action",
                f"give one of {', '.join(_ACTIONS)}",
            )  # fmt: skip


def _disks(cfg: CfgFile, series: XlSeries) -> Iterator[LintMessage]:
    row = cfg.last("disk")
    if row is None:
        return
    if not isinstance(row.value, list):
        yield LintMessage(row.line, Severity.ERROR, "disk is no list", 'write disk = [ "..." ]')
        return
    vdevs: set[str] = set()
    written: set[str] = set()
    for value in row.value:
        if not isinstance(value, str):
            yield LintMessage(row.line, Severity.ERROR, f"disk has {_shown(value)}, expected strings")
            continue
        try:
            disk = parse_disk_spec(value, series.disk)
        except DiskSpecError as error:
            yield LintMessage(row.line, Severity.ERROR, error.message, _hint(value))
            continue
        yield from _disk(row, value, disk, series, hvm=_is_hvm(cfg))
        if disk.vdev in vdevs:
            yield LintMessage(row.line, Severity.ERROR, f"two disks are {disk.vdev}", "give each a vdev of its own")
        vdevs.add(disk.vdev or "")
        if disk.writable and disk.target and disk.target in written:
            yield LintMessage(
                row.line, Severity.WARNING, f"{disk.target} is written through two disks: its file system will break",
                "give each guest's disk once",
            )  # fmt: skip
        if disk.writable and disk.target:
            written.add(disk.target)


def _hint(spec: str) -> str:
    if spec.startswith("target="):
        return "put target= last: it takes the whole rest"
    if "w!" in spec:
        return "xl knows no w!; write w, and see to it that no other guest writes the same disk"
    return ""


def _disk(row: Assignment, spec: str, disk: DiskSpec, series: XlSeries, *, hvm: bool) -> Iterator[LintMessage]:
    target = disk.target or ""
    swallowed = [word.strip() for word in target.split(",")[1:]]
    if "target=" in spec and any("=" in word or word in series.disk.flags for word in swallowed):
        yield LintMessage(
            row.line, Severity.WARNING,
            f"{', '.join(swallowed)} behind target= is a part of the path {target!r}, and nothing else",
            "put target= last",
        )  # fmt: skip
    if disk.vdev == "":
        yield LintMessage(
            row.line, Severity.WARNING, "the vdev is empty: xl makes the disk device 0", "give one, such as xvda"
        )
    kind = target_kind(target)
    if disk.format == "raw" and not disk.cdrom and looks_like_qcow2(target):
        yield LintMessage(
            row.line, Severity.WARNING,
            f"the guest sees the container of the qcow2 image {target} as a raw disk",
            "write format=qcow2" if not disk.prefixes else "write format=qcow2 in place of the prefix",
        )  # fmt: skip
    if disk.prefixes:
        names = " and ".join(f"{name}:" for name in disk.prefixes)
        effect = {"raw", "qcow", "qcow2", "vhd"} & set(disk.prefixes)
        says = f"gives the format {disk.format}" if effect else "chooses neither format nor backend"
        if disk.script is not None:
            says = f"means script={disk.script}"
        yield LintMessage(row.line, Severity.NOTE, f"the prefix {names} of xm {says}")
    prediction = predict_backend(disk, kind, series, hvm=hvm)
    access = "writable" if disk.writable else "read only"
    if prediction.refusal:
        yield LintMessage(row.line, Severity.ERROR, f"xl creates no guest: {prediction.refusal}")
    else:
        yield LintMessage(
            row.line, Severity.NOTE,
            f"{disk.vdev}: {target or 'no medium'}, {disk.format}, {access}, by {prediction.backendtype}"
            f"{'' if prediction.backendtype == disk.backendtype else f', for it is a {kind}' if target else ''}",
        )  # fmt: skip


def _spice(cfg: CfgFile) -> Iterator[LintMessage]:
    row = cfg.last("spice")
    if row is None or row.value in ("0", ""):
        return
    if not any(_number(cfg, key) for key in ("spiceport", "spicetls_port")):
        yield LintMessage(
            row.line, Severity.ERROR, "at least one of the spiceport or tls_port must be provided",
            "give spiceport or spicetls_port",
        )  # fmt: skip
    if not _number(cfg, "spicedisable_ticketing") and (password := cfg.last("spicepasswd")) is None:
        yield LintMessage(
            row.line, Severity.ERROR, "spice ticketing is enabled but missing password",
            "give spicepasswd, or spicedisable_ticketing=1",
        )  # fmt: skip
    elif not _number(cfg, "spicedisable_ticketing") and password is not None and password.value == "":
        yield LintMessage(password.line, Severity.ERROR, "spice password can't be empty", "give one")


def _number(cfg: CfgFile, key: str) -> int:
    row = cfg.last(key)
    return (_value(row.value) or 0) if row and isinstance(row.value, str) else 0


def _is_hvm(cfg: CfgFile) -> bool:
    return any((row := cfg.last(key)) is not None and row.value == "hvm" for key in ("builder", "type"))


def target_kind(target: str) -> TargetKind:
    """The kind of a target: looked up where it exists on this machine, otherwise concluded from its path."""
    # xl looks for a relative name below /dev.
    path = target if target.startswith("/") else f"/dev/{target}"
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return TargetKind.BLOCK if path.startswith("/dev/") else TargetKind.FILE
    if stat.S_ISBLK(mode):
        return TargetKind.BLOCK
    return TargetKind.FILE if stat.S_ISREG(mode) else TargetKind.OTHER


def looks_like_qcow2(target: str) -> bool:
    """Whether a target is a qcow2 image: by its first bytes where it can be read here, otherwise by its name."""
    try:
        with Path(target).open("rb") as image:
            return image.read(4) == _QCOW2
    except (OSError, ValueError):
        return target.endswith(".qcow2")


def _shown(value: Value) -> str:
    return repr(value) if isinstance(value, str) else "a list"
