"""The facts that a check can ask for: by the name of each, how it is read in a recording."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from xenproof.facts.boot import Boot
from xenproof.facts.bridges import BRIDGES
from xenproof.facts.clock import Clock
from xenproof.facts.commands import COMMANDS
from xenproof.facts.dom0 import Dom0
from xenproof.facts.files import FILES
from xenproof.facts.grub_defaults import GRUB_DEFAULTS
from xenproof.facts.images import IMAGES, SUBVOLUMES
from xenproof.facts.integrity import INTEGRITY
from xenproof.facts.kernel import KERNEL
from xenproof.facts.kernel_config import KERNEL_CONFIG
from xenproof.facts.leftovers import Leftovers
from xenproof.facts.libvirt import LIBVIRT
from xenproof.facts.logs import Logs
from xenproof.facts.modules import MODULES
from xenproof.facts.mounts import MOUNTS
from xenproof.facts.packages import PACKAGES
from xenproof.facts.pid_files import PidFiles
from xenproof.facts.ports import PORTS
from xenproof.facts.processes import PROCESSES
from xenproof.facts.qemu import QEMU
from xenproof.facts.serial_console import SerialConsole
from xenproof.facts.shell_settings import ShellSettings
from xenproof.facts.ssh_readiness import Readiness
from xenproof.facts.sshd import SSHD
from xenproof.facts.tools import Tools
from xenproof.facts.units import SYSTEMD_STATE, UNITS
from xenproof.facts.versions import Versions
from xenproof.facts.xend_carried import CarriedOver
from xenproof.facts.xenstore import XENSTORE
from xenproof.facts.xl import XL_COMMANDS, XL_INFO
from xenproof.facts.xl_conf import XL_CONF_SETTINGS
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


@dataclass(frozen=True, slots=True)
class Fact:
    """Facts of one kind: how they are read, and what they are, in a sentence that `pytest --fixtures` shows.

    `read` raises XenproofError where the recording does not hold them.
    """

    read: Callable[[Recording, Profile], Any]
    title: str


FACTS: Mapping[str, Fact] = {
    "packages": Fact(PACKAGES.of, "The installed packages."),
    "versions": Fact(Versions, "The versions of what runs."),
    "units": Fact(UNITS.of, "The systemd units that the profile names."),
    "systemd_state": Fact(SYSTEMD_STATE.of, "Systemd as a whole."),
    "files": Fact(FILES.of, "The paths that the profile names."),
    "grub_defaults": Fact(GRUB_DEFAULTS.of, "The variables of /etc/default/grub and grub.d."),
    "boot_options": Fact(Boot, "The boot options: configured, in grub.cfg, running."),
    "domain0": Fact(Dom0, "Domain-0's share of the machine."),
    "xl_conf": Fact(XL_CONF_SETTINGS.of, "The settings of xl.conf."),
    "xl_commands": Fact(XL_COMMANDS.of, "The subcommands of xl."),
    "commands": Fact(COMMANDS.of, "What is on the PATH."),
    "bridges": Fact(BRIDGES.of, "The network bridges."),
    "sshd": Fact(SSHD.of, "How sshd is configured."),
    "images": Fact(IMAGES.of, "The directories for guests' images."),
    "modules": Fact(MODULES.of, "The modules of dom0's kernel."),
    "processes": Fact(PROCESSES.of, "The running processes of dom0."),
    "ports": Fact(PORTS.of, "The TCP ports on which dom0 listens."),
    "logs": Fact(Logs, "The logs that the profile names."),
    "hypervisor": Fact(XL_INFO.of, "What the hypervisor says of itself."),
    "libvirt": Fact(LIBVIRT.of, "What libvirt says of Xen."),
    "subvolumes": Fact(SUBVOLUMES.of, "The btrfs subvolumes of the directories for guests' images."),
    "kernel": Fact(KERNEL.of, "What kind of kernel dom0 runs."),
    "kernel_config": Fact(KERNEL_CONFIG.of, "How dom0's kernel was built."),
    "mounts": Fact(MOUNTS.of, "What is mounted where."),
    "shell_settings": Fact(ShellSettings, "The settings in files of shell variables that the profile names."),
    "qemu": Fact(QEMU.of, "The qemu that serves guests."),
    "tools": Fact(Tools, "The programs that say their version."),
    "serial_console": Fact(SerialConsole, "The serial console of the hypervisor and of dom0's kernel."),
    "xenstore": Fact(XENSTORE.of, "The entries of xenstore that the profile names."),
    "pid_files": Fact(PidFiles, "The pid files that the profile names."),
    "clock": Fact(Clock, "The host's clock against ours."),
    "integrity": Fact(INTEGRITY.of, "Whether the files of the packages that the profile names are what was installed."),
    "ssh": Fact(Readiness, "Whether root's ssh is ready for a migration, as one host shows it."),
    "xend_config": Fact(CarriedOver, "What became of the settings of a left-over xend-config.sxp."),
    "leftovers": Fact(Leftovers, "What an upgrade from xend left over."),
}
"""By the name that a check asks for."""
