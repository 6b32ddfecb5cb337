"""All families of facts, and the probes that they need.

Facts that need several families (boot, dom0, versions, logs) are in the file of that name.
"""

from typing import Any

from xenproof.facts.bridges import BRIDGES
from xenproof.facts.clock import CLOCK
from xenproof.facts.commands import COMMANDS
from xenproof.facts.files import FILES
from xenproof.facts.grub_defaults import GRUB_DEFAULTS
from xenproof.facts.grub_menu import GRUB_MENU
from xenproof.facts.images import IMAGES, SUBVOLUMES
from xenproof.facts.integrity import INTEGRITY
from xenproof.facts.kernel import KERNEL
from xenproof.facts.kernel_config import KERNEL_CONFIG
from xenproof.facts.leftovers import LEFTOVERS
from xenproof.facts.libvirt import LIBVIRT
from xenproof.facts.modules import MODULES
from xenproof.facts.mounts import MOUNTS
from xenproof.facts.packages import PACKAGES
from xenproof.facts.ports import PORTS
from xenproof.facts.processes import PROCESSES
from xenproof.facts.qemu import QEMU
from xenproof.facts.ssh import SSH
from xenproof.facts.sshd import SSHD
from xenproof.facts.texts import TEXTS
from xenproof.facts.units import SYSTEMD_STATE, UNITS
from xenproof.facts.xend_config import XEND_CONFIG
from xenproof.facts.xenstore import XENSTORE
from xenproof.facts.xl import XL_COMMANDS, XL_DMESG, XL_INFO, XL_LIST
from xenproof.facts.xl_conf import XL_CONF_SETTINGS
from xenproof.probing.family import Family
from xenproof.profile.profile import Profile
from xenproof.source.probe import Probe

# The type of a family's facts does not matter here: no fact is read.
FAMILIES: tuple[Family[Any], ...] = (
    PACKAGES,
    XL_INFO,
    XL_LIST,
    XL_COMMANDS,
    XL_DMESG,
    UNITS,
    SYSTEMD_STATE,
    FILES,
    TEXTS,
    GRUB_DEFAULTS,
    GRUB_MENU,
    XL_CONF_SETTINGS,
    COMMANDS,
    BRIDGES,
    PROCESSES,
    PORTS,
    MODULES,
    IMAGES,
    SSHD,
    QEMU,
    LIBVIRT,
    CLOCK,
    KERNEL,
    KERNEL_CONFIG,
    MOUNTS,
    SUBVOLUMES,
    XENSTORE,
    INTEGRITY,
    SSH,
    XEND_CONFIG,
    LEFTOVERS,
)


def probes(profile: Profile) -> tuple[Probe, ...]:
    """The probes that the profile needs, each once."""
    return tuple({probe.name: probe for family in FAMILIES for probe in [family.probe(profile)]}.values())
