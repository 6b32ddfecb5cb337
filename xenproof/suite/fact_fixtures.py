"""The facts that a check can ask for, one fixture for each family.

They live as long as the recording that they are read from: each output is parsed once for a host.
"""

import functools
from collections.abc import Callable

import pytest

from xenproof.errors import NotEvaluable, XenproofError
from xenproof.facts.boot import Boot
from xenproof.facts.bridges import BRIDGES, Bridges
from xenproof.facts.clock import Clock
from xenproof.facts.commands import COMMANDS, Commands
from xenproof.facts.dom0 import Dom0
from xenproof.facts.files import FILES, Files
from xenproof.facts.grub_defaults import GRUB_DEFAULTS
from xenproof.facts.images import IMAGES, SUBVOLUMES, Images, Subvolumes
from xenproof.facts.integrity import INTEGRITY, Integrity
from xenproof.facts.kernel import KERNEL, Kernel
from xenproof.facts.kernel_config import KERNEL_CONFIG, KernelConfig
from xenproof.facts.leftovers import Leftovers
from xenproof.facts.libvirt import LIBVIRT, Libvirt
from xenproof.facts.logs import Logs
from xenproof.facts.modules import MODULES, Modules
from xenproof.facts.mounts import MOUNTS, Mounts
from xenproof.facts.packages import PACKAGES, Packages
from xenproof.facts.pid_files import PidFiles
from xenproof.facts.ports import PORTS, Ports
from xenproof.facts.processes import PROCESSES, Processes
from xenproof.facts.qemu import QEMU, Qemu
from xenproof.facts.serial_console import SerialConsole
from xenproof.facts.shell_settings import ShellSettings
from xenproof.facts.shell_variables import ShellVariables
from xenproof.facts.ssh_readiness import Readiness, Trust
from xenproof.facts.sshd import SSHD, Sshd
from xenproof.facts.tools import Tools
from xenproof.facts.units import SYSTEMD_STATE, UNITS, SystemdState, Units
from xenproof.facts.versions import Versions
from xenproof.facts.xend_carried import CarriedOver
from xenproof.facts.xenstore import XENSTORE, Xenstore
from xenproof.facts.xl import XL_COMMANDS, XL_INFO, XlCommands, XlInfo
from xenproof.facts.xl_conf import XL_CONF_SETTINGS, XlConf
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording
from xenproof.suite.target import Target


@pytest.fixture(scope="session")
def packages(recording: Recording, profile: Profile) -> Packages:
    """The installed packages."""
    return PACKAGES.of(recording, profile)


@pytest.fixture(scope="session")
def versions(recording: Recording, profile: Profile) -> Versions:
    """The versions of what runs."""
    return Versions(recording, profile)


@pytest.fixture(scope="session")
def units(recording: Recording, profile: Profile) -> Units:
    """The systemd units that the profile names."""
    return UNITS.of(recording, profile)


@pytest.fixture(scope="session")
def systemd_state(recording: Recording, profile: Profile) -> SystemdState:
    """Systemd as a whole."""
    return SYSTEMD_STATE.of(recording, profile)


@pytest.fixture(scope="session")
def files(recording: Recording, profile: Profile) -> Files:
    """The paths that the profile names."""
    return FILES.of(recording, profile)


@pytest.fixture(scope="session")
def grub_defaults(recording: Recording, profile: Profile) -> ShellVariables:
    """The variables of /etc/default/grub and grub.d."""
    return GRUB_DEFAULTS.of(recording, profile)


@pytest.fixture(scope="session")
def boot_options(recording: Recording, profile: Profile) -> Boot:
    """The boot options: configured, in grub.cfg, running."""
    return Boot(recording, profile)


@pytest.fixture(scope="session")
def domain0(recording: Recording, profile: Profile) -> Dom0:
    """Domain-0's share of the machine."""
    return Dom0(recording, profile)


@pytest.fixture(scope="session")
def xl_conf(recording: Recording, profile: Profile) -> XlConf:
    """The settings of xl.conf."""
    return XL_CONF_SETTINGS.of(recording, profile)


@pytest.fixture(scope="session")
def xl_commands(recording: Recording, profile: Profile) -> XlCommands:
    """The subcommands of xl."""
    return XL_COMMANDS.of(recording, profile)


@pytest.fixture(scope="session")
def commands(recording: Recording, profile: Profile) -> Commands:
    """What is on the PATH."""
    return COMMANDS.of(recording, profile)


@pytest.fixture(scope="session")
def bridges(recording: Recording, profile: Profile) -> Bridges:
    """The network bridges."""
    return BRIDGES.of(recording, profile)


@pytest.fixture(scope="session")
def sshd(recording: Recording, profile: Profile) -> Sshd:
    """How sshd is configured."""
    return SSHD.of(recording, profile)


@pytest.fixture(scope="session")
def images(recording: Recording, profile: Profile) -> Images:
    """The directories for guests' images."""
    return IMAGES.of(recording, profile)


@pytest.fixture(scope="session")
def modules(recording: Recording, profile: Profile) -> Modules:
    """The modules of dom0's kernel."""
    return MODULES.of(recording, profile)


@pytest.fixture(scope="session")
def processes(recording: Recording, profile: Profile) -> Processes:
    """The running processes of dom0."""
    return PROCESSES.of(recording, profile)


@pytest.fixture(scope="session")
def ports(recording: Recording, profile: Profile) -> Ports:
    """The TCP ports on which dom0 listens."""
    return PORTS.of(recording, profile)


@pytest.fixture(scope="session")
def logs(recording: Recording, profile: Profile) -> Logs:
    """The logs that the profile names."""
    return Logs(recording, profile)


@pytest.fixture(scope="session")
def hypervisor(recording: Recording, profile: Profile) -> XlInfo:
    """What the hypervisor says of itself."""
    return XL_INFO.of(recording, profile)


@pytest.fixture(scope="session")
def libvirt(recording: Recording, profile: Profile) -> Libvirt:
    """What libvirt says of Xen."""
    return LIBVIRT.of(recording, profile)


@pytest.fixture(scope="session")
def subvolumes(recording: Recording, profile: Profile) -> Subvolumes:
    """The btrfs subvolumes of the directories for guests' images."""
    return SUBVOLUMES.of(recording, profile)


@pytest.fixture(scope="session")
def kernel(recording: Recording, profile: Profile) -> Kernel:
    """What kind of kernel dom0 runs."""
    return KERNEL.of(recording, profile)


@pytest.fixture(scope="session")
def kernel_config(recording: Recording, profile: Profile) -> KernelConfig:
    """How dom0's kernel was built."""
    return KERNEL_CONFIG.of(recording, profile)


@pytest.fixture(scope="session")
def mounts(recording: Recording, profile: Profile) -> Mounts:
    """What is mounted where."""
    return MOUNTS.of(recording, profile)


@pytest.fixture(scope="session")
def shell_settings(recording: Recording, profile: Profile) -> ShellSettings:
    """The settings in files of shell variables that the profile names."""
    return ShellSettings(recording, profile)


@pytest.fixture(scope="session")
def qemu(recording: Recording, profile: Profile) -> Qemu:
    """The qemu that serves guests."""
    return QEMU.of(recording, profile)


@pytest.fixture(scope="session")
def tools(recording: Recording, profile: Profile) -> Tools:
    """The programs that say their version."""
    return Tools(recording, profile)


@pytest.fixture(scope="session")
def serial_console(recording: Recording, profile: Profile) -> SerialConsole:
    """The serial console of the hypervisor and of dom0's kernel."""
    return SerialConsole(recording, profile)


@pytest.fixture(scope="session")
def xenstore(recording: Recording, profile: Profile) -> Xenstore:
    """The entries of xenstore that the profile names."""
    return XENSTORE.of(recording, profile)


@pytest.fixture(scope="session")
def pid_files(recording: Recording, profile: Profile) -> PidFiles:
    """The pid files that the profile names."""
    return PidFiles(recording, profile)


@pytest.fixture(scope="session")
def clock(recording: Recording, profile: Profile) -> Clock:
    """The host's clock against ours."""
    return Clock(recording, profile)


@pytest.fixture(scope="session")
def integrity(recording: Recording, profile: Profile) -> Integrity:
    """Whether the files of the packages that the profile names are what was installed."""
    return INTEGRITY.of(recording, profile)


@pytest.fixture(scope="session")
def ssh(recording: Recording, profile: Profile) -> Readiness:
    """Whether root's ssh is ready for a migration, as one host shows it."""
    return Readiness(recording, profile)


@pytest.fixture(scope="session")
def trust_of(profile: Profile) -> Callable[[Target], Trust]:
    """The keys of a host, read once for each host of the run however many others ask."""
    return functools.cache(lambda target: Readiness(target.read(), profile).trust)


@pytest.fixture(scope="session")
def trust(target: Target, trust_of: Callable[[Target], Trust]) -> Trust:
    """The keys by which the host knows others, and they it."""
    return trust_of(target)


@pytest.fixture(scope="session")
def trust_of_peers(peers: tuple[Target, ...], trust_of: Callable[[Target], Trust]) -> tuple[Trust, ...]:
    """The keys of the other hosts of the run; one that cannot be read is that host's error, not this one's."""
    found: list[Trust] = []
    for peer in peers:
        try:
            found.append(trust_of(peer))
        except XenproofError as error:
            raise NotEvaluable(f"the keys of {peer.url} are not known: {error}") from error
    return tuple(found)


@pytest.fixture(scope="session")
def xend_config(recording: Recording, profile: Profile) -> CarriedOver:
    """What became of the settings of a left-over xend-config.sxp."""
    return CarriedOver(recording, profile)


@pytest.fixture(scope="session")
def leftovers(recording: Recording, profile: Profile) -> Leftovers:
    """What an upgrade from xend left over."""
    return Leftovers(recording, profile)
