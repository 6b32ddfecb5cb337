"""The two toolstacks with which an administrator runs guests: xl, and libvirt's virsh."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from xenproof.source.connection import Completed, Connection, quoted
from xenproof.xen.domain_control import CreatedDomain, create_paused, domain_after
from xenproof.xlcfg.config import Disk, DomainConfig

VIRSH = ("virsh", "-c", "xen:///system")

_DEFINE = """\
date +%s
{{ {{ {describe}; }} >{config}.xml && sed -i {change} {config}.xml &&
{virsh} define {config}.xml && {virsh} start --paused {name}; }} </dev/null >&2
"""
# libvirt converts the configuration for xl into its own XML.  Before 1.2.11 it called that format xen-xm only.
_FROM_NATIVE = "{virsh} domxml-from-native xen-xl {config} || {virsh} domxml-from-native xen-xm {config}"


class Toolstack(Protocol):
    """The tool that starts a guest from a configuration, and removes what it stored about it."""

    def create_paused(self, dom0: Connection, config: DomainConfig, path: str, limit_s: float) -> CreatedDomain:
        """Create the domain of `config`, paused; `path` is the same configuration as a file in dom0."""
        ...

    def resume_command(self, name: str) -> str:
        """The shell command that lets a paused domain run."""
        ...

    def forget(self, dom0: Connection, config: DomainConfig) -> None:
        """Remove what the toolstack still stores about a domain that is gone."""
        ...


@dataclass(frozen=True)
class Xl:
    """xl, which stores nothing about a domain that is gone."""

    def create_paused(self, dom0: Connection, config: DomainConfig, path: str, limit_s: float) -> CreatedDomain:
        """Create the domain with `xl create -p`."""
        return create_paused(dom0, config.name, path, limit_s)

    def resume_command(self, name: str) -> str:
        """The command `xl unpause`."""
        return quoted("xl", "unpause", name)

    def forget(self, dom0: Connection, config: DomainConfig) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class XlWithSerialPort(Xl):
    """xl, for a guest that prints on its first serial port, which its configuration connects to a pty."""

    def create_paused(self, dom0: Connection, config: DomainConfig, path: str, limit_s: float) -> CreatedDomain:
        """Create the domain with `xl create -p`; `tty` is that of the port, or of the console if there is no port."""
        created = super().create_paused(dom0, config, path, limit_s)
        if created.domid < 1:
            return created
        port = f"/local/domain/{created.domid}/serial/0/tty"  # libxl copies it from qemu
        tty = dom0.run(quoted("xenstore-read", port)).text.strip()
        return replace(created, tty=tty) if tty.startswith("/dev/") else created


@dataclass(frozen=True)
class Libvirt:
    """libvirt's Xen driver, which manages domains whether they run or not.

    `cache_modes` are libvirt's names of the cache modes of disks, by vdev: xl's configuration has no key for them.
    """

    cache_modes: Mapping[str, str] = field(default_factory=dict)

    def create_paused(self, dom0: Connection, config: DomainConfig, path: str, limit_s: float) -> CreatedDomain:
        """Create the domain with `virsh domxml-from-native`, `define` and `start --paused`."""
        describe = _FROM_NATIVE.format(virsh=quoted(*VIRSH), config=quoted(path))
        script = defining(describe, config.name, path, self._change(config)) + f"rm -f -- {quoted(path)}.xml\n"
        return domain_after(dom0, script, config.name, limit_s)

    def _change(self, config: DomainConfig) -> str:
        """The sed command that adds the cache modes to the XML."""
        modes = {
            disk.path: self.cache_modes[disk.vdev]
            for disk in config.disks if isinstance(disk, Disk) and disk.vdev in self.cache_modes
        }  # fmt: skip
        # In the XML, the line with the disk's file follows the line with its driver.
        words = (rf"s#\(<driver name='qemu'\)\(.*{path}'\)#\1 cache='{mode}'\2#" for path, mode in modes.items())
        return f"/<driver name='qemu'/{{N;{';'.join(words)}}}" if modes else ""

    def resume_command(self, name: str) -> str:
        """The command `virsh resume`: libvirt would not notice an `xl unpause`."""
        return quoted(*VIRSH, "resume", name)

    def forget(self, dom0: Connection, config: DomainConfig) -> None:
        """Undefine the domain, with its saved state, and remove its log."""
        # The name has no special characters of a shell.
        name = config.name
        undefine = f"{quoted(*VIRSH, 'undefine', name, '--managed-save')} || {quoted(*VIRSH, 'undefine', name)}"
        log = quoted(f"/var/log/libvirt/libxl/{name}.log")
        dom0.run(f"{{ {undefine}; }} >/dev/null 2>&1; rm -f -- {log}", limit_s=120)


def defining(describe: str, name: str, config: str, change: str = "") -> str:
    """The script for `domain_after` with which libvirt starts `name`, paused, from the XML that `describe` prints.

    `describe` is a shell command, `change` a sed command that edits the XML, which is left beside `config`.
    """
    words = {"virsh": quoted(*VIRSH), "name": quoted(name), "config": quoted(config), "change": quoted(change)}
    return _DEFINE.format(describe=describe, **words)


def virsh(dom0: Connection, *words: str, limit_s: float = 120) -> Completed:
    """Run `virsh` with these words; the caller must read the effect from the host, whatever virsh prints."""
    return dom0.run(quoted(*VIRSH, *words), limit_s=limit_s)
