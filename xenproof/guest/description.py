"""What a guest is to be: described once, before it is made; another guest is another description."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xenproof.guest.image.guest_image import GuestImage
from xenproof.xen.backend import DiskBackend
from xenproof.xen.toolstack import Toolstack, Xl
from xenproof.xlcfg.config import Disk, DomainConfig, Setting, Start

VDEV = "xvda"
"""The disk with the image."""
MEMORY_MIB = 128


@dataclass(frozen=True, slots=True)
class DiskDescription:
    """A disk, which `backend` serves as `vdev`: it has the guest's image, or is empty, or is there already.

    An empty one has `empty_mib`; of one that is there `existing` is the path in dom0.  With `on_device` a block device
    is below it, which is detached with the guest.  One that is `direct` goes past dom0's page cache: see `Disk`.
    """

    vdev: str
    backend: DiskBackend
    format: str = "raw"
    direct: bool = False
    empty_mib: int = 0
    existing: str = ""
    on_device: bool = False

    def path(self, stem: str) -> str:
        """Its file in dom0, of a guest whose files all begin with `stem`."""
        return self.existing or (f"{stem}-{self.vdev}.{self.format}" if self.empty_mib else f"{stem}.{self.format}")

    def config(self, path: str) -> Disk:
        """Its part of the guest's configuration, where it is at `path`."""
        return Disk(path, self.vdev, self.backend.type, self.format, self.direct)


@dataclass(frozen=True, slots=True)
class GuestDescription:
    """A guest of `image` that `start` starts, from a disk of `format` ("raw", "qcow2" or "vhd") on `backend`.

    `disks` are all that it has, where that is not this one alone.  `started_by` is for the report.  `on_reboot` and
    `on_crash` are what the toolstack does then, `more` further settings of its configuration.  `files` are endings of
    files that go with it, behind the stem that all its files have.  Where it `leases_processors`, it waits until the
    host has some; of memory it always has a lease.
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
        """The disk with the image, which it has unless `disks` are others."""
        return DiskDescription(VDEV, self.backend, self.format)

    @property
    def all_disks(self) -> tuple[DiskDescription, ...]:
        """The disks that it has."""
        return (self.image_disk,) if self.disks is None else self.disks

    def with_disks(self, *disks: DiskDescription) -> "GuestDescription":
        """The same with more disks."""
        return replace(self, disks=(*self.all_disks, *disks))

    @property
    def most_vcpus(self) -> int:
        """How many virtual processors it can have at a time."""
        return max(self.vcpus, self.maxvcpus)

    def config(self, name: str, disks: tuple[Disk, ...]) -> DomainConfig:
        """The configuration of the guest `name` with these disks, as their files are called in dom0."""
        return DomainConfig(
            name, self.start, self.memory_mib, disks, self.vcpus, self.maxvcpus, self.on_reboot, self.on_crash,
            self.more,
        )  # fmt: skip
