"""The rows of the truth table of disk backends: disk specifications and the kinds of their targets."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from xenproof.results.verdict import TableCell
from xenproof.xlcfg.backend_rule import Prediction, TargetKind, predict_backend
from xenproof.xlcfg.disk_spec import DiskSpec, DiskSpecError, parse_disk_spec
from xenproof.xlcfg.xl_series import XlSeries


class DiskTarget(StrEnum):
    """What the target of a row's disk is in dom0."""

    RAW = "file"
    QCOW2 = "qcow2"
    BLOCK = "block"
    VOLUME = "volume"
    MISSING = "missing"
    NONE = "none"

    @property
    def kind(self) -> TargetKind:
        """The kind that libxl distinguishes: it does not read files."""
        return _KINDS[self]


_KINDS = {
    DiskTarget.RAW: TargetKind.FILE, DiskTarget.QCOW2: TargetKind.FILE, DiskTarget.BLOCK: TargetKind.BLOCK,
    DiskTarget.VOLUME: TargetKind.BLOCK, DiskTarget.MISSING: TargetKind.MISSING, DiskTarget.NONE: TargetKind.MISSING,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DiskRow:
    """One row: `form` is a disk specification with {target} and {vdev}; `place` is its row and column in the table."""

    name: str
    form: str
    target: DiskTarget
    place: tuple[str, str] | None = None

    @property
    def cell(self) -> TableCell:
        """The cell in which the report shows the row."""
        if self.place:
            return TableCell("Disk backends", *self.place)
        return TableCell("Disk backends, as people write disks", self.spec(_EXAMPLE[self.target], "xvda"), "found")

    def spec(self, target: str, vdev: str) -> str:
        """The row's specification for a disk at `target` that the guest sees as `vdev`."""
        return self.form.format(target=target, vdev=vdev)


_EXAMPLE = {
    DiskTarget.RAW: "/x.raw",
    DiskTarget.QCOW2: "/x.qcow2",
    DiskTarget.BLOCK: "/dev/loop0",
    DiskTarget.VOLUME: "/dev/mapper/x",
    DiskTarget.MISSING: "/nosuch",
    DiskTarget.NONE: "",
}

# As written in configurations of xm, and in the short form of xl.
_WRITTEN = (
    DiskRow("positional_raw", "{target},raw,{vdev},w", DiskTarget.RAW),
    DiskRow("positional_read_only", "{target},raw,{vdev},r", DiskTarget.RAW),
    DiskRow("positional_qcow2", "{target},qcow2,{vdev},w", DiskTarget.QCOW2),
    DiskRow("positional_cdrom", "{target},raw,{vdev},r,cdrom", DiskTarget.RAW),
    DiskRow("positional_empty_drive", "{target},raw,{vdev},r,cdrom", DiskTarget.NONE),
    DiskRow("empty_drive", "vdev={vdev}, devtype=cdrom", DiskTarget.NONE),
    DiskRow("empty_disk", "{target},raw,{vdev},w", DiskTarget.NONE),
    DiskRow("xm_file", "file:{target},{vdev},w", DiskTarget.RAW),
    DiskRow("xm_file_qcow2", "file:{target},{vdev},w", DiskTarget.QCOW2),
    DiskRow("xm_phy", "phy:{target},{vdev},w", DiskTarget.BLOCK),
    DiskRow("xm_phy_volume", "phy:{target},{vdev},w", DiskTarget.VOLUME),
    DiskRow("xm_phy_file", "phy:{target},{vdev},w", DiskTarget.RAW),
    DiskRow("xm_tap_aio", "tap:aio:{target},{vdev},w", DiskTarget.RAW),
    DiskRow("xm_tap_qcow2", "tap:qcow2:{target},{vdev},w", DiskTarget.QCOW2),
    DiskRow("xm_tap2_aio", "tap2:tapdisk:aio:{target},{vdev},w", DiskTarget.RAW),
)


def disk_rows() -> dict[str, DiskRow]:
    """All rows by name: each target with its possible formats and each backend type, and disks as people write them."""
    return {row.name: row for row in [*_combined(), *_WRITTEN]}


_SEEN = {
    DiskTarget.RAW: "a raw file", DiskTarget.QCOW2: "a qcow2 file", DiskTarget.BLOCK: "a block device",
    DiskTarget.VOLUME: "a volume of device-mapper", DiskTarget.MISSING: "no file",
}  # fmt: skip


def _combined() -> Iterator[DiskRow]:
    formats = [
        *product((DiskTarget.RAW, DiskTarget.QCOW2, DiskTarget.BLOCK, DiskTarget.MISSING), ("raw", "qcow2")),
        (DiskTarget.RAW, "vhd"),
        (DiskTarget.VOLUME, "raw"),
    ]
    for (target, name), kind in product(formats, ("", "phy", "qdisk")):
        asked = f", backendtype={kind}" if kind else ""
        yield DiskRow(
            f"{target}_as_{name}_on_{kind or 'any'}",
            f"format={name}, vdev={{vdev}}, access=rw{asked}, target={{target}}",
            target,
            (f"{_SEEN[target]}, format={name}", f"backendtype={kind}" if kind else "as xl chooses"),
        )


def predicted(row: DiskRow, target: str, vdev: str, series: XlSeries) -> Prediction | DiskSpec:
    """The row's disk with the backend type that xl of `series` chooses, or the prediction that xl refuses it."""
    try:
        disk = parse_disk_spec(row.spec(target, vdev), series.disk)
    except DiskSpecError as refused:
        return Prediction(refusal=refused.message)
    found = predict_backend(disk, row.target.kind, series)
    if found.refusal:
        return found
    disk.backendtype = found.backendtype
    return disk


def in_words(kind: str, name: str, *, writable: bool, loop: bool) -> str:
    """A row's disk as one line of text: backend type, format, access, and whether it is on a loop device."""
    access = "writable" if writable else "read only"
    return f"{kind}, {name}, {access}" + (", on a loop device" if loop else "")
