"""Running versions, and whether they match the installed packages.

A host that was updated but not restarted has the new packages but still runs the old programs.
"""

import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.libvirt import LIBVIRT
from xenproof.facts.packages import PACKAGES, Packages
from xenproof.facts.processes import PROCESSES
from xenproof.facts.qemu import QEMU
from xenproof.facts.texts import TEXTS
from xenproof.facts.xl import XL_DMESG, XL_INFO
from xenproof.probing.answer import Answer, Version
from xenproof.probing.probes import RELEASE
from xenproof.profile.profile import Profile
from xenproof.profile.version import Scheme
from xenproof.source.probe import Recording

_DELETED = " (deleted)"
# Names of the programs' files; a replaced file shows an update even if the version is the same.
_PROGRAMS = {"qemu": re.compile(r"/[^/]*qemu[^/]*$"), "libvirt": re.compile(r"/(?:libvirtd|virtxend) [^/]*$")}
_EPOCH = re.compile(r"\d+:")
# Xen version 4.17.7 (Debian 4.17.7+13-g2445b30a44-0+deb12u1)
_XEN_BANNER = re.compile(r"^\(XEN\) (?:\[[^\]]*\] )?(?:Xen version |Xen )(\d.*)$", re.MULTILINE)
# 4.4.4_40-22.77.1
_BUILD_COUNT = re.compile(r"(?<=-)(\d+\.\d+)\.\d+$")
# 3.12.28-4-default: the flavour is not part of the package's version
_FLAVOUR = re.compile(r"-[a-z][a-z0-9_-]*$")


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the running hypervisor, kernel, libvirt and qemu."""

    recording: Recording
    profile: Profile

    def running(self, what: str) -> Version:
        """The running version, without the distribution's suffix."""
        return Version(self._running(what), self.profile.scheme)

    def package(self, name: str) -> str:
        """A package's name, with {release} replaced by the running kernel's release."""
        return name.replace(RELEASE, self._running("kernel")) if RELEASE in name else name

    def agrees(self, what: str, package: str) -> Answer:
        """Whether the running program is that of the installed package; raises NotEvaluable if that is unknown."""
        packages: Packages = PACKAGES.of(self.recording, self.profile)
        name = self.package(package)
        if not packages.installed(name).yes:
            return Answer(False, f"the package {name} is not installed")
        installed = packages.version(name).text
        seen = self._build(what)
        same = built_as(seen, installed, self.profile.scheme)
        if stale := self._replaced_files(what):
            return Answer(False, f"the file of a running {what} was replaced: {', '.join(stale)}")
        return Answer(same, f"running {seen.strip()[:200]!r}, installed {name} {installed}")

    def _replaced_files(self, what: str) -> list[str]:
        """The files of running qemus or of libvirt's daemons that were replaced after these were started."""
        if what not in _PROGRAMS:
            return []
        files = PROCESSES.of(self.recording, self.profile).files
        return [path for path in files.values() if path.endswith(_DELETED) and _PROGRAMS[what].search(path)]

    def _running(self, what: str) -> str:
        if what == "hypervisor":
            return XL_INFO.of(self.recording, self.profile).value("xen_version")
        if what == "kernel":
            return XL_INFO.of(self.recording, self.profile).value("release")
        if what == "libvirt":
            return LIBVIRT.of(self.recording, self.profile).daemon
        return QEMU.of(self.recording, self.profile).version

    def _build(self, what: str) -> str:
        """All that the running program prints about its build."""
        if what == "hypervisor":
            version = self._running(what)
            banner = _XEN_BANNER.search(XL_DMESG.of(self.recording, self.profile))
            if banner is None and self.profile.scheme == "deb":
                raise NotEvaluable("'xl dmesg' no longer has the hypervisor's first lines, which name its package")
            return f"{version} {banner[1] if banner else ''}"
        if what == "kernel":
            build = TEXTS.of(self.recording, self.profile).line("/proc/sys/kernel/version")
            return f"{_FLAVOUR.sub('', self._running(what))} {build}"
        if what == "libvirt":
            return self._running(what)
        return QEMU.of(self.recording, self.profile).banner


def built_as(seen: str, installed: str, scheme: Scheme) -> bool:
    """Whether a program that prints `seen` about itself belongs to the package version `installed`.

    The package version must be among the printed words.  If the program prints no package version at all, a number
    with which the package version begins is enough: "9.0.0" matches "9.0.0-4+deb12u2".  The last number of an
    rpm counts its builds: since November 2014 SUSE's Xen omits it (xen.changes).
    """
    words = [word for word in re.split(r"[\s()\[\],]+", seen) if word[:1].isdecimal()]
    if not words:
        raise ParseError(f"expected a version, found {seen[:200]!r}")
    plain = _EPOCH.sub("", installed, count=1) if _EPOCH.match(installed) else installed
    same = {plain, installed, _BUILD_COUNT.sub(r"\1", plain)} if scheme == "rpm" else {plain, installed}
    if same & set(words):
        return True
    if any("-" in word and not re.fullmatch(r"[\d.-]+", word) for word in words):
        return False  # the version of a distribution, but a different one
    if scheme == "deb" and any(word.startswith(f"{words[0]}-") for word in words[1:]):
        return False  # 4.14.6-1 after 4.14.6: a different one, too, although it has only digits
    # 3.12.28-4 matches an rpm 3.12.28-4.6; Debian's revision 1.1 is a different one from 1
    parts = [word for word in words if "." in word and (scheme == "rpm" or "-" not in word)]
    return any(re.match(rf"{re.escape(word)}(?![0-9])", plain) for word in parts)
