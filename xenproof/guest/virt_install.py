"""virt-install, which writes the XML of a guest that libvirt is to define."""

from dataclasses import dataclass

from xenproof.errors import NotEvaluable
from xenproof.source.connection import Connection, quoted
from xenproof.xen.acting import Created, created
from xenproof.xen.toolstack import VIRSH, Libvirt, defining

# libvirt is left with a storage pool of the disk's folder, which virt-install makes to look at the disk.
_NO_POOL = "{{ {virsh} pool-destroy {pool}; {virsh} pool-undefine {pool}; }} >/dev/null 2>&1"


@dataclass(frozen=True, slots=True)
class VirtInstall:
    """The toolstack of libvirt, with XML that `virt-install --print-xml` writes for a PV guest.

    The guest has `memory_mib`, its disk is the raw file `disk` in a folder of the run, and it starts by `kernel`.
    """

    kernel: str
    disk: str
    memory_mib: int

    def create_paused(self, dom0: Connection, name: str, config: str, limit_s: float) -> Created:
        """By `virt-install --print-xml`, `virsh define` and `start --paused`.

        The XML is left beside `config`, of which the name is used only.  Raises NotEvaluable where the host has no
        virt-install.
        """
        if dom0.run("command -v virt-install").exit_code:
            raise NotEvaluable(f"{dom0.url} has no virt-install; expected it on the path")
        # --ram is what old versions know, and new ones still do.
        describe = quoted(
            "virt-install", "--connect", "xen:///system", "--name", name, "--ram", str(self.memory_mib), "--vcpus", "1",
            "--paravirt", "--import", "--boot", f"kernel={self.kernel}", "--disk", f"path={self.disk},driver_name=qemu",
            "--os-variant", "generic", "--network", "none", "--graphics", "none", "--noautoconsole", "--print-xml",
        )  # fmt: skip
        # It keeps a log in the user's cache.
        cache = quoted(f"{config}.cache")
        script = defining(f"XDG_CACHE_HOME={cache} {describe}", name, config) + f"rm -rf -- {cache}\n"
        return created(dom0, script, name, limit_s)

    def resume_command(self, name: str) -> str:
        """By `virsh resume`."""
        return Libvirt().resume_command(name)

    def forget(self, dom0: Connection, name: str) -> None:
        """As libvirt does, and the pool."""
        Libvirt().forget(dom0, name)
        dom0.run(_NO_POOL.format(virsh=quoted(*VIRSH), pool=quoted(self.disk.split("/")[-2])), limit_s=60)
