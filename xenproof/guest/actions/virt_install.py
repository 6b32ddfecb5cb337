"""virt-install, which writes the XML from which libvirt defines a guest."""

from dataclasses import dataclass, replace

from xenproof.errors import NotEvaluable
from xenproof.guest.description import GuestDescription
from xenproof.source.connection import Connection, quoted
from xenproof.xen.domain_control import CreatedDomain, domain_after
from xenproof.xen.toolstack import VIRSH, Libvirt, defining
from xenproof.xlcfg.config import Disk, DomainConfig

# To look at the disk, virt-install makes a storage pool of the disk's folder, and leaves it in libvirt.
_NO_POOL = "{{ {virsh} pool-destroy {pool}; {virsh} pool-undefine {pool}; }} >/dev/null 2>&1"


@dataclass(frozen=True)
class VirtInstall:
    """The toolstack of libvirt, with XML that `virt-install --print-xml` writes for a PV guest.

    The guest starts by a kernel of dom0, and its one disk is a raw file in the working folder of the run.
    """

    def create_paused(self, dom0: Connection, config: DomainConfig, path: str, limit_s: float) -> CreatedDomain:
        """Create the domain with `virt-install --print-xml`, `virsh define` and `start --paused`.

        The XML is left beside `path`; the file `path` itself is not read.  Raises NotEvaluable where the host has no
        virt-install.
        """
        if dom0.run("command -v virt-install").exit_code:
            raise NotEvaluable(f"{dom0.url} has no virt-install; expected it on the path")
        # Old versions know --ram only, and new ones still accept it.
        describe = quoted(
            "virt-install", "--connect", "xen:///system", "--name", config.name, "--ram", str(config.memory_mib),
            "--vcpus", "1", "--paravirt", "--import", "--boot", f"kernel={config.start.kernel}",
            "--disk", f"path={_disk_of(config)},driver_name=qemu",
            "--os-variant", "generic", "--network", "none", "--graphics", "none", "--noautoconsole", "--print-xml",
        )  # fmt: skip
        # virt-install writes a log to the user's cache.
        cache = quoted(f"{path}.cache")
        script = defining(f"XDG_CACHE_HOME={cache} {describe}", config.name, path) + f"rm -rf -- {cache}\n"
        return domain_after(dom0, script, config.name, limit_s)

    def resume_command(self, name: str) -> str:
        """The command `virsh resume`."""
        return Libvirt().resume_command(name)

    def forget(self, dom0: Connection, config: DomainConfig) -> None:
        """Undefine the domain as `Libvirt` does, and remove the storage pool."""
        Libvirt().forget(dom0, config)
        pool = quoted(_disk_of(config).split("/")[-2])
        dom0.run(_NO_POOL.format(virsh=quoted(*VIRSH), pool=pool), limit_s=60)


def by_virt_install(description: GuestDescription) -> GuestDescription:
    """The same guest, for which virt-install writes libvirt's XML."""
    by = f"{description.started_by}, by virt-install"
    return replace(description, started_by=by, toolstack=VirtInstall(), files=(".cfg.xml",))


def _disk_of(config: DomainConfig) -> str:
    (path,) = [disk.path for disk in config.disks if isinstance(disk, Disk)]
    return path
