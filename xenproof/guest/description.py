"""The description of a guest: made once, before the guest, and never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xenproof.guest.image.guest_image import GuestImage
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import Toolstack, Xl
from xenproof.xlcfg.config import Disk, DomainConfig, Setting, Start

VDEV = "xvda"
"""The name of the disk with the image."""
MEMORY_MIB = 128


@dataclass(frozen=True, slots=True)
class DiskDescription:
    """A disk, which `backend` serves as `vdev`: a copy of the guest's image, an empty disk, or an existing file.

    An empty disk has a size, `empty_mib`; `existing` is the path in dom0 of an existing file.  With `on_device` the
    disk is put on a loop device, which is detached when the guest is removed.  `direct` bypasses dom0's page cache:
    see `Disk`.
    """

    vdev: str
    backend: DiskBackend
    format: str = "raw"
    direct: bool = False
    empty_mib: int = 0
    existing: str = ""
    on_device: bool = False

    def path(self, stem: str) -> str:
        """The file of the disk in dom0; the paths of all files of the guest begin with `stem`."""
        return self.existing or (f"{stem}-{self.vdev}.{self.format}" if self.empty_mib else f"{stem}.{self.format}")

    def config(self, path: str) -> Disk:
        """The disk as a part of the guest's configuration, where its file or device is `path`."""
        return Disk(path, self.vdev, self.backend.type, self.format, self.direct)


@dataclass(frozen=True, slots=True)
class GuestDescription:
    """A guest of `image` that `start` starts, from a disk of `format` ("raw", "qcow2" or "vhd") on `backend`.

    `disks` are all its disks, None for this one alone.  `started_by` is for the report.  `on_reboot` and `on_crash` are
    the toolstack's actions at these events, `more` further settings of the configuration.  `files` are the endings of
    further files that are removed with the guest, behind the stem of all its files.  With `leases_processors` its
    start waits until enough processors are free; memory is always leased.
    """

    image: GuestImage
    backend: DiskBackend
    start: Start
    started_by: str = "grub.xen"
    format: str = "raw"
    disks: tuple[DiskDescription, ...] | None = None
    toolstack: Toolstack = field(default_factory=Xl)
    memory_mib: int = MEMORY_MIB
    vcpus: int = 1
    maxvcpus: int = 0
    on_reboot: str = "destroy"
    on_crash: str = "destroy"
    more: Mapping[str, Setting] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    leases_processors: bool = True

    @property
    def image_disk(self) -> DiskDescription:
        """The disk with the image, the guest's only one unless `disks` are given."""
        return DiskDescription(VDEV, self.backend, self.format)

    @property
    def all_disks(self) -> tuple[DiskDescription, ...]:
        """All disks of the guest."""
        return (self.image_disk,) if self.disks is None else self.disks

    def with_disks(self, *disks: DiskDescription) -> "GuestDescription":
        """The same guest with more disks."""
        return replace(self, disks=(*self.all_disks, *disks))

    @property
    def most_vcpus(self) -> int:
        """The most virtual processors that the guest can have at a time."""
        return max(self.vcpus, self.maxvcpus)

    def config(self, name: str, disks: tuple[Disk, ...]) -> DomainConfig:
        """The configuration of the guest `name` with these disks in dom0."""
        return DomainConfig(
            name, self.start, self.memory_mib, disks, self.vcpus, self.maxvcpus, self.on_reboot, self.on_crash,
            self.more,
        )  # fmt: skip
