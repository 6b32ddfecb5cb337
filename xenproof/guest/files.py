"""The files of one guest in dom0: its disks, its configuration, and the loop devices below its disks."""

from collections.abc import Mapping, Sequence

from xenproof.errors import CommandFailed
from xenproof.guest.description import DiskDescription, GuestDescription
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.leftovers import Leftover
from xenproof.guest.image.guest_image import BLOCK, BLOCKS
from xenproof.plain import first_lines
from xenproof.source.connection import Connection, quoted
from xenproof.xen.backend import DiskBackend
from xenproof.xen.loops import detach_loops
from xenproof.xlcfg.config import Disk, DomainConfig

_QEMU_FORMATS = {"vhd": "vpc"}


class GuestFiles:
    """The files of the guest `name` on the host that makes it."""

    def __init__(self, host: GuestHost, name: str, description: GuestDescription) -> None:
        self.host = host
        self._name, self._description = name, description
        self._stem = f"{host.folder.path}/{name}"
        self._devices: dict[str, str] = {}

    @property
    def config_path(self) -> str:
        """The path of the configuration for xl."""
        return f"{self._stem}.cfg"

    @property
    def disk(self) -> str:
        """The path of the disk with the image, for a guest that has such a disk."""
        return self._description.image_disk.path(self._stem)

    def path_of(self, disk: DiskDescription) -> str:
        """The path of one of the guest's disks."""
        return disk.path(self._stem)

    @property
    def own(self) -> tuple[str, ...]:
        """The files that are removed with the guest."""
        more = [disk.path(self._stem) for disk in self._description.all_disks if disk.empty_mib]
        endings = [self._stem + ending for ending in self._description.files]
        return (self.disk, self.config_path, *more, *endings)

    @property
    def devices(self) -> Mapping[str, str]:
        """The loop devices that were made for the disks, by the files that they serve."""
        return self._devices

    @property
    def leftovers(self) -> Sequence[Leftover]:
        """The files and loop devices, as the leak check finds them until the guest is removed."""
        files = [Leftover("file", file) for file in self.own]
        return [*files, *(Leftover("loop device", f"{device} {path}") for path, device in self._devices.items())]

    @property
    def config(self) -> DomainConfig:
        """The guest's configuration, with the loop devices that exist now."""
        return self._description.config(self._name, tuple(map(self._configured, self._description.all_disks)))

    def _configured(self, disk: DiskDescription) -> Disk:
        path = disk.path(self._stem)
        return disk.config(self._devices.get(path, path))

    def make(self, first_block: bytes) -> None:
        """Make all disks and their loop devices; the second partition of the image disk begins with `first_block`."""
        for disk in self._description.all_disks:
            path = disk.path(self._stem)
            if disk.empty_mib:
                made = quoted("qemu-img", "create", "-q", "-f", disk.format, path, f"{disk.empty_mib}M")
                if disk.format == "raw":
                    made = quoted("truncate", "-s", f"{disk.empty_mib}M", path)
                self.host.dom0.run(made).check()
            elif not disk.existing:
                self._make_image_disk(path, disk.format, first_block)
        for disk in self._description.all_disks:
            self._make_device(disk)

    def _make_image_disk(self, path: str, format: str, first_block: bytes) -> None:
        image = self._description.image
        base = self.host.folder.put_disk(image)
        area = image.area_offset // BLOCK
        raw = f"{self._stem}.raw"
        script = f"cp --sparse=always {quoted(base, raw)}"
        script += f" && dd of={quoted(raw)} bs={BLOCK} seek={area} conv=notrunc,fsync 2>/dev/null"
        if raw != path:
            output = _QEMU_FORMATS.get(format, format)
            script += f" && qemu-img convert -O {quoted(output, raw, path)} && rm -- {quoted(raw)}"
        self.host.dom0.run(script, stdin=first_block, limit_s=120).check()

    def _make_device(self, disk: DiskDescription) -> None:
        """Put a disk's file on a loop device, as an administrator must where blkback serves only block devices."""
        path = disk.path(self._stem)
        wants = disk.on_device or (self.host.blkback_wants_devices and disk.backend is DiskBackend.BLKBACK)
        if not wants or path.startswith("/dev/"):
            return
        done = self.host.dom0.run(quoted("losetup", "-f", "--show", path)).check()
        self._devices[path] = done.text.strip()

    def blocks_of_witness(self) -> str:
        """The sha256 of the blocks that the witness wrote, read from the raw file of its disk."""
        skip = self._description.image.area_offset // BLOCK + 1
        read = f"dd if={quoted(self.disk)} bs={BLOCK} skip={skip} count={BLOCKS} 2>/dev/null | sha256sum"
        return self.host.dom0.run(read).check().text.partition(" ")[0]

    def remove_from(self, dom0: Connection) -> None:
        """Remove the files and the guest's logs from a host; raises CommandFailed where a file stays.

        All loop devices that serve the files now are detached.
        """
        detach_loops(dom0, *self._devices)
        # A name holds nothing that a shell would expand.  xl migrate appends --incoming and --migratedaway to it.
        logs = f"/var/log/xen/*-{self._name}.log* /var/log/xen/*-{self._name}--*.log*"
        if (done := dom0.run(f"rm -f -- {quoted(*self.own)} {logs}")).exit_code:
            raise CommandFailed(f"the files of {self._name} could not be removed: {first_lines(done.error_text, 300)}")
