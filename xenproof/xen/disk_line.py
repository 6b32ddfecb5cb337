"""One disk as one line of text, from a prediction or from xl's output: checks compare these lines and print them."""

from collections.abc import Mapping
from typing import Any

from xenproof.errors import ParseError
from xenproof.plain import first_lines
from xenproof.xen.dry_run import DryRun
from xenproof.xlcfg.disk_spec import DiskSpec, DiskSpecError, parse_disk_spec
from xenproof.xlcfg.xl_series import DiskWords

_SAID = "config parsing error in disk specification: "


def predicted_words(spec: str, words: DiskWords) -> str:
    """The predicted line for `spec`, or xl's error message where that release refuses it."""
    try:
        return _of_spec(parse_disk_spec(spec, words))
    except DiskSpecError as error:
        return f"refused: {error.message.removeprefix(_SAID)}"


def dry_run_words(run: DryRun) -> str:
    """The line for the one disk of a dry run; raises ParseError where there is not exactly one."""
    if run.config is None:
        for line in run.stderr.splitlines():
            if _SAID in line:
                return f"refused: {line.partition(_SAID)[2]}"
        return f"refused with exit code {run.exit_code}: {first_lines(run.stderr, 300)}"
    disks = run.config.get("disks")
    if not isinstance(disks, list) or len(disks) != 1 or not isinstance(disks[0], Mapping):
        raise ParseError(f"xl create -n printed the disks {disks!r}, expected one")
    return _of_json(disks[0])


def _of_spec(disk: DiskSpec) -> str:
    return _words(
        disk.target, disk.format, disk.vdev, disk.writable, disk.cdrom, disk.backendtype, disk.backend, disk.script
    )


def _of_json(disk: Mapping[str, Any]) -> str:
    # From 4.5 on, xl leaves out values that are the default.
    backend = _text(disk, "backend") or "unknown"
    return _words(
        _text(disk, "pdev_path"),
        _text(disk, "format") or "unknown",
        _text(disk, "vdev"),
        bool(disk.get("readwrite", 0)),
        bool(disk.get("is_cdrom", 0)),
        "" if backend == "unknown" else backend,
        _text(disk, "backend_domname") or "",
        _text(disk, "script"),
    )


def _text(disk: Mapping[str, Any], name: str) -> str | None:
    if not isinstance(value := disk.get(name), str | None):
        raise ParseError(f"xl create -n printed a disk whose {name} is {value!r}, expected text")
    return value


def _words(
    target: str | None, format_: str, vdev: str | None, writable: bool, cdrom: bool, kind: str, backend: str,
    script: str | None,
) -> str:  # fmt: skip
    parts = [
        repr(target) if target is not None else "no target",
        format_,
        f"as {vdev}" if vdev else "as nothing",
        "writable" if writable else "read only",
        "cdrom" if cdrom else "",
        f"backendtype {kind}" if kind else "",
        f"in domain {backend}" if backend else "",
        f"by script {script}" if script else "",
    ]
    return ", ".join(part for part in parts if part)
