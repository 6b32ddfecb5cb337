"""The kind of kernel that dom0 runs."""

from dataclasses import dataclass

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.files import release
from xenproof.facts.texts import parse_texts
from xenproof.probing.family import Family
from xenproof.probing.probes import host_probe
from xenproof.source.probe import ProbeOutput

_FILESYSTEMS = "/proc/filesystems"
NO_FLAVOUR = "none"
_CAPABILITIES = "/proc/xen/capabilities"


@dataclass(frozen=True, slots=True)
class Kernel:
    """The running kernel: its release, and its file systems, or why a source cannot determine those."""

    release: str
    filesystems: frozenset[str]
    has_proc_xen: bool
    unknown: str = ""

    @property
    def flavour(self) -> str:
        """The last word of its release, as "xen" in 3.12.28-4-xen; "none" if there is no such word, as in 6.1.0."""
        before, _, flavour = self.release.rpartition("-")
        return flavour if before and flavour else NO_FLAVOUR

    @property
    def kind(self) -> str:
        """The kind of its Xen support: "pvops" from Linux itself, "xenlinux" from SUSE's patches.

        In the first, /proc/xen is a file system of its own, xenfs; in the second it is a part of
        /proc.  Raises NotEvaluable if there is neither: then the kernel does not run on Xen.
        """
        if self.unknown:
            raise NotEvaluable(self.unknown)
        if "xenfs" in self.filesystems:
            return "pvops"
        if not self.has_proc_xen:
            raise NotEvaluable(f"there is neither xenfs nor {_CAPABILITIES}: this kernel does not run on Xen")
        return "xenlinux"


def parse_kernel(output: ProbeOutput) -> Kernel:
    """The kernel; raises ParseError if its file systems are not listed."""
    texts = parse_texts(output)
    if unknown := texts.unknown.get(_FILESYSTEMS, ""):
        return Kernel(release(output), frozenset(), has_proc_xen=False, unknown=unknown)
    # nodev	xenfs
    names = frozenset(line.rpartition("\t")[2] for line in texts.of(_FILESYSTEMS))
    if "proc" not in names:
        raise ParseError(f"'proc' is not among the {len(names)} file systems of the kernel, so the list is not whole")
    return Kernel(release(output), names, _CAPABILITIES in texts.lines)


KERNEL = Family("kernel", host_probe, parse_kernel)
