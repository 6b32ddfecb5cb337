"""Boot options at each stage: configured, written to grub.cfg, and in use by the running system."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.facts.grub_defaults import grub_defaults
from xenproof.facts.grub_menu import REMOVAL_OPTIONS, MenuEntry, grub_menu
from xenproof.facts.texts import TEXTS, Texts
from xenproof.facts.xl import XL_INFO
from xenproof.probing.answer import Answer
from xenproof.probing.shell_variables import ShellVariables
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

HYPERVISOR, KERNEL = "hypervisor", "kernel"

# Options that GRUB's script 20_linux_xen adds itself: the same on every host, or determined when it runs.
_ADDED = frozenset({"placeholder", "ro", "rw", REMOVAL_OPTIONS})
_ADDED_WITH_VALUE = ("root=", "rootflags=subvol=", "BOOT_IMAGE=")
# The options that ${xen_rm_opts} expands to on platforms other than a BIOS.
_REMOVALS = frozenset({"no-real-mode", "edd=off"})


@dataclass(frozen=True, slots=True)
class Boot:
    """The boot options of the hypervisor and of dom0's kernel."""

    recording: Recording
    profile: Profile

    def generated(self, what: str) -> Answer:
        """Whether grub.cfg's default Xen entry has exactly the options that the configuration produces."""
        configured = self._defaults
        wanted = xen_options(configured) if what == HYPERVISOR else kernel_options(configured)
        return compare("grub.cfg", _own(self._in_entry(what)), "the configuration", _own(wanted))

    def running(self, what: str) -> Answer:
        """Whether the running system was started with exactly the options of grub.cfg's default Xen entry."""
        in_entry, now = self._in_entry(what), self.options(what)
        if REMOVAL_OPTIONS in in_entry:
            now = tuple(word for word in now if word not in _REMOVALS or word in in_entry)
        return compare("the running one", _own(now), "grub.cfg", _own(in_entry))

    def options(self, what: str) -> tuple[str, ...]:
        """The options with which the running hypervisor or kernel was started."""
        if what == HYPERVISOR:
            return XL_INFO.of(self.recording, self.profile).options
        return tuple(self._texts.line("/proc/cmdline").split())

    @property
    def default_xen(self) -> Answer:
        """Whether the entry that boots by default loads Xen."""
        menu = grub_menu(self._texts)
        entry = menu.default_entry
        why = "" if menu.default_is_there else f", the first of its menu, since none is called {menu.default!r}"
        return Answer(entry.xen is not None, f"the default entry is {entry.title!r}{why}")

    def _in_entry(self, what: str) -> tuple[str, ...]:
        entry: MenuEntry = grub_menu(self._texts).xen_entry
        found = entry.xen if what == HYPERVISOR else entry.kernel
        if found is None:
            raise ParseError(f"the entry {entry.title!r} of grub.cfg loads Xen but no kernel")
        return found

    @property
    def _defaults(self) -> ShellVariables:
        return grub_defaults(self._texts)

    @property
    def _texts(self) -> Texts:
        return TEXTS.of(self.recording, self.profile)


def xen_options(configured: ShellVariables) -> tuple[str, ...]:
    """The options that 20_linux_xen passes to the hypervisor."""
    return configured.options("GRUB_CMDLINE_XEN") + configured.options("GRUB_CMDLINE_XEN_DEFAULT")


def kernel_options(configured: ShellVariables) -> tuple[str, ...]:
    """The options that 20_linux_xen passes to dom0's kernel: XEN_REPLACE variables have priority if not empty."""
    return sum(
        (
            configured.options(f"GRUB_CMDLINE_LINUX_XEN_REPLACE{suffix}")
            or configured.options(f"GRUB_CMDLINE_LINUX{suffix}")
            for suffix in ("", "_DEFAULT")
        ),
        (),
    )


def _own(options: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word in options if word not in _ADDED and not word.startswith(_ADDED_WITH_VALUE))


def compare(name: str, have: tuple[str, ...], source: str, want: tuple[str, ...]) -> Answer:
    """Whether both have the same options in the same order: if an option is given twice, the later one is used."""
    if have == want:
        return Answer(True, f"both have {' '.join(have) or 'no option'}")
    lacks = " ".join((Counter(want) - Counter(have)).elements())
    extra = " ".join((Counter(have) - Counter(want)).elements())
    differences = [f"lacks {lacks}"] * bool(lacks) + [f"has also {extra}"] * bool(extra)
    return Answer(False, f"against {source}, {name} {' and '.join(differences) or 'has another order'}")
