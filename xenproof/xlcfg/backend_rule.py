"""Predicts which backend xl of a release chooses for a disk, without creating a guest.

Source: libxl_device.c (disk_try_backend, libxl__device_disk_set_backend) and libxl_linux.c of each release.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from xenproof.xlcfg.disk_spec import DiskSpec
from xenproof.xlcfg.xl_series import XlSeries

# The names of virtual disks, with the highest index and partition of each: xen-vbd-interface(7).
_VDEVS = {"xvd": ((1 << 20) - 1, (1 << 8) - 1), "hd": (3, 63), "sd": (15, 15)}
_VDEV = re.compile(r"(xvd|hd|sd)([a-z]+)([1-9][0-9]{0,9})?|d[0-9]+p[0-9]+|0x[0-9a-f]+|[0-9]*")

_ORDER = ("phy", "qdisk", "tap", "standalone")


class TargetKind(StrEnum):
    """What the target of a disk is in dom0."""

    FILE = "file"
    BLOCK = "block device"
    OTHER = "neither file nor block device"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The backend type that xl writes to xenstore, or in `refusal` xl's error message where it creates no guest."""

    backendtype: str = ""
    refusal: str = ""


def predict_backend(disk: DiskSpec, kind: TargetKind, series: XlSeries, *, hvm: bool = False) -> Prediction:
    """What xl of `series` does with a disk whose target is of `kind`, for a PV or PVH guest, or with `hvm` for HVM."""
    if not is_vdev(disk.vdev or ""):
        return Prediction(refusal=f"Invalid or unsupported virtual disk identifier {disk.vdev}")
    asked = disk.backendtype
    if disk.cdrom and hvm and "tap" not in series.hvm_cdrom:
        # A guest with a device model: qemu serves its CD drive, or the kernel where that release allows it.
        if not asked:
            asked = "qdisk"
        elif asked not in series.hvm_cdrom:
            allowed = " or ".join(name.capitalize() for name in series.hvm_cdrom)
            return Prediction(refusal=f"Backend for CD devices on HVM guests must be {allowed}")
    if disk.format == "empty":
        if not disk.cdrom:
            return Prediction(refusal=f"Disk vdev={disk.vdev} is empty but not cdrom")
        kind = TargetKind.FILE if series.files_for_empty else TargetKind.OTHER
    elif asked in ("", "phy", "standalone") and not _elsewhere(disk) and disk.script is None:
        if kind is TargetKind.MISSING:
            return Prediction(refusal=f"Disk vdev={disk.vdev} failed to stat: {disk.target}")
        if kind is TargetKind.OTHER and series.refuses_odd_targets:
            return Prediction(refusal=f"Disk vdev={disk.vdev} phys path is not a block dev or file: {disk.target}")
    for name in (asked,) if asked else _ORDER:
        if _fits(name, disk, kind, series):
            return Prediction(name)
    return Prediction(refusal=f"no suitable backend for disk {disk.vdev}")


def is_vdev(name: str) -> bool:
    """Whether libxl accepts `name` for a virtual disk, such as "xvda1" or "d5p1"; "" is the device number 0."""
    if (match := _VDEV.fullmatch(name)) is None:
        return False
    if match[1] is None:
        return True
    highest, partitions = _VDEVS[match[1]]
    index = -1
    for letter in match[2]:
        index = (index + 1) * 26 + ord(letter) - ord("a")
    return index <= highest and int(match[3] or 0) <= partitions


def _elsewhere(disk: DiskSpec) -> bool:
    """Whether a domain other than dom0 serves the disk."""
    return disk.backend not in ("", "0", "Domain-0")


def _fits(name: str, disk: DiskSpec, kind: TargetKind, series: XlSeries) -> bool:
    virtio = disk.other.get("specification") == "virtio"
    if virtio is not (name == "standalone"):
        return False
    match name:
        case "phy":
            if disk.format != "raw" and not (disk.format == "empty" and series.phy_takes_empty):
                return False
            if "colo" in disk.flags:
                return False
            return _elsewhere(disk) or disk.script is not None or _served_by_kernel(kind, series)
        case "qdisk":
            return disk.script is None
        case "tap":
            return series.blktap and disk.script is None and not disk.cdrom and disk.format in ("raw", "vhd")
        case "standalone":
            return (
                disk.format == "raw" and disk.script is None and (_elsewhere(disk) or _served_by_kernel(kind, series))
            )
    return False


def _served_by_kernel(kind: TargetKind, series: XlSeries) -> bool:
    """Whether blkback serves the target: a block device, or from 4.6 on a file, through a loop device."""
    return kind is TargetKind.BLOCK or (kind is TargetKind.FILE and series.raw_file == "phy")
