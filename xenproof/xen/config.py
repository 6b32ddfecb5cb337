"""The configuration of a PV guest, as xl reads it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from xenproof.errors import UsageError

# Such as "/var/lib/xen/xenproof-x1/disk.raw": nothing that xl's configuration or a shell would take for syntax.
_PLAIN = re.compile(r"[A-Za-z0-9/._+:@-]+\Z")


# Such as `tap:aio:/x.img,xvda,w`: whatever a string of xl's configuration can hold.
_SPEC = re.compile(r'[^"\\\x00-\x1f\x7f]*\Z')


class AnyDisk(Protocol):
    """Whatever has the text of a disk specification."""

    def text(self) -> str:
        """The specification, as it stands in the configuration."""
        ...


@dataclass(frozen=True, slots=True)
class GivenDisk:
    """A disk as somebody wrote it, in whatever form xl reads."""

    spec: str

    def text(self) -> str:
        """The specification as it was given; raises UsageError for one that would need quoting."""
        if not _SPEC.match(self.spec):
            raise UsageError(f"{self.spec!r} cannot be in a guest's configuration; expected no quote and no backslash")
        return self.spec


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a guest: a raw file of dom0 at `path`, served by the backend `backendtype` as `vdev`."""

    path: str
    vdev: str
    backendtype: str

    def text(self) -> str:
        """The disk in the key=value form, which all releases of Xen with xl read; the target is last."""
        words = map(_plain, (self.vdev, self.backendtype, self.path))
        return "format=raw, vdev={}, access=rw, backendtype={}, target={}".format(*words)


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """A PV guest that `kernel`, a file of dom0 such as grub.xen, starts."""

    name: str
    kernel: str
    memory_mib: int
    disks: Sequence[AnyDisk]
    vcpus: int = 1

    def text(self) -> str:
        """The file for `xl create`; raises UsageError for a value that needs quoting.

        No `type` is given: PV is the default everywhere, and Xen before 4.10 does not know the word.
        A guest that ends is gone at once, whatever ended it.
        """
        disks = ", ".join(f'"{disk.text()}"' for disk in self.disks)
        return (
            f'name = "{_plain(self.name)}"\nkernel = "{_plain(self.kernel)}"\n'
            f"memory = {self.memory_mib}\nmaxmem = {self.memory_mib}\nvcpus = {self.vcpus}\n"
            f"disk = [ {disks} ]\nvif = [ ]\n"
            'on_poweroff = "destroy"\non_reboot = "destroy"\non_crash = "destroy"\n'
        )


def _plain(word: str) -> str:
    if not _PLAIN.match(word):
        raise UsageError(f"{word!r} cannot be in a guest's configuration; expected only letters, digits and /._+:@-")
    return word
