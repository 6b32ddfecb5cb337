"""The configuration of a PV guest, as xl reads it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from xenproof.errors import UsageError

# Such as "/var/lib/xen/xenproof-x1/disk.raw": nothing that xl's configuration or a shell would take for syntax.
_PLAIN = re.compile(r"[A-Za-z0-9/._+:@-]+\Z")


# Such as `tap:aio:/x.img,xvda,w`: whatever a string of xl's configuration can hold.
_STRING = re.compile(r'[^"\\\x00-\x1f\x7f]*\Z')


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
        return _string(self.spec)


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a guest: a file of dom0 at `path` in `format`, served by the backend `backendtype` as `vdev`."""

    path: str
    vdev: str
    backendtype: str
    format: str = "raw"

    def text(self) -> str:
        """The disk in the key=value form, which all releases of Xen with xl read; the target is last."""
        words = map(_plain, (self.format, self.vdev, self.backendtype, self.path))
        return "format={}, vdev={}, access=rw, backendtype={}, target={}".format(*words)


@dataclass(frozen=True, slots=True)
class Start:
    """What starts a guest: a `kernel` of dom0, such as grub.xen, or a `bootloader` that fetches one from the disk.

    `type` is "pvh"; or "" for PV, which is the default everywhere, as Xen before 4.10 does not know the word.
    """

    kernel: str = ""
    ramdisk: str = ""
    command_line: str = ""
    bootloader: str = ""
    type: str = ""

    def text(self) -> str:
        """Its lines of the configuration."""
        words = {
            "type": self.type, "kernel": self.kernel, "ramdisk": self.ramdisk, "bootloader": self.bootloader,
        }  # fmt: skip
        lines = [f'{key} = "{_plain(word)}"\n' for key, word in words.items() if word]
        if self.command_line:
            lines.append(f'extra = "{_string(self.command_line)}"\n')
        return "".join(lines)


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """A guest that `start` starts.

    `on_reboot` and `on_crash` are what xl does with it then; `maxvcpus` is 0 where it never gets more than `vcpus`.
    """

    name: str
    start: Start
    memory_mib: int
    disks: Sequence[AnyDisk]
    vcpus: int = 1
    maxvcpus: int = 0
    on_reboot: str = "destroy"
    on_crash: str = "destroy"

    def text(self) -> str:
        """The file for `xl create`; raises UsageError for a value that needs quoting."""
        most = f"maxvcpus = {self.maxvcpus}\n" if self.maxvcpus else ""
        disks = ", ".join(f'"{disk.text()}"' for disk in self.disks)
        return (
            f'name = "{_plain(self.name)}"\n{self.start.text()}'
            f"memory = {self.memory_mib}\nmaxmem = {self.memory_mib}\n"
            f"vcpus = {self.vcpus}\n{most}"
            f"disk = [ {disks} ]\nvif = [ ]\n"
            f'on_poweroff = "destroy"\non_reboot = "{_plain(self.on_reboot)}"\non_crash = "{_plain(self.on_crash)}"\n'
        )


def _string(text: str) -> str:
    if not _STRING.match(text):
        raise UsageError(f"{text!r} cannot be in a guest's configuration; expected no quote and no backslash")
    return text


def _plain(word: str) -> str:
    if not _PLAIN.match(word):
        raise UsageError(f"{word!r} cannot be in a guest's configuration; expected only letters, digits and /._+:@-")
    return word
