"""The configuration of a guest, as xl reads it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from xenproof.errors import UsageError

# Such as "/var/lib/xen/xenproof-x1/disk.raw": no character that is syntax in xl's configuration or in a shell.
_PLAIN = re.compile(r"[A-Za-z0-9/._+:@-]+\Z")


# Such as `tap:aio:/x.img,xvda,w`: any text that fits into a quoted string of xl's configuration.
_STRING = re.compile(r'[^"\\\x00-\x1f\x7f]*\Z')


class AnyDisk(Protocol):
    """Anything that can be written as a disk specification."""

    def text(self) -> str:
        """The specification, as written in the configuration."""
        ...


@dataclass(frozen=True, slots=True)
class GivenDisk:
    """A disk given as a specification, in any form that xl reads."""

    spec: str

    def text(self) -> str:
        """The specification as it was given; raises UsageError for one that would need quoting."""
        return _string(self.spec)


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk of a guest: a file of dom0 at `path` in `format`, served by the backend `backendtype` as `vdev`.

    A `direct` disk bypasses dom0's page cache, if its backend is qemu and xl is 4.5 or later.
    """

    path: str
    vdev: str
    backendtype: str
    format: str = "raw"
    direct: bool = False

    def text(self) -> str:
        """The disk in the key=value form, which all releases of Xen with xl read; the target is last."""
        words = [_plain(word) for word in (self.format, self.vdev, self.backendtype, self.path)]
        direct = "direct-io-safe, " if self.direct else ""
        return "format={}, vdev={}, access=rw, backendtype={}, {}target={}".format(*words[:3], direct, words[3])


@dataclass(frozen=True, slots=True)
class Start:
    """How a guest starts: with a `kernel` of dom0, such as grub.xen, or a `bootloader` that fetches one from the disk.

    `type` is "pvh", or "" for PV: PV is the default everywhere, and Xen before 4.10 does not know the key.  With
    `firmware` it is an HVM guest, which boots like a PC.
    """

    kernel: str = ""
    ramdisk: str = ""
    command_line: str = ""
    bootloader: str = ""
    type: str = ""
    firmware: bool = False

    def text(self) -> str:
        """The lines of the configuration that describe this start."""
        words = {
            # All releases accept this key; the later ones call it deprecated.
            "builder": "hvm" if self.firmware else "",
            "type": self.type, "kernel": self.kernel, "ramdisk": self.ramdisk, "bootloader": self.bootloader,
        }  # fmt: skip
        lines = [f'{key} = "{_plain(word)}"\n' for key, word in words.items() if word]
        if self.command_line:
            lines.append(f'extra = "{_string(self.command_line)}"\n')
        return "".join(lines)


Setting = str | int | Sequence[str]


@dataclass(frozen=True, slots=True)
class DomainConfig:
    """The configuration of a guest.

    `on_reboot` and `on_crash` are xl's actions at these events; `maxvcpus` is 0 where the guest never gets more than
    `vcpus`.  `more` holds further settings by key.
    """

    name: str
    start: Start
    memory_mib: int
    disks: Sequence[AnyDisk]
    vcpus: int = 1
    maxvcpus: int = 0
    on_reboot: str = "destroy"
    on_crash: str = "destroy"
    more: Mapping[str, Setting] = field(default_factory=dict)

    def text(self) -> str:
        """The file for `xl create`; raises UsageError for a value that needs quoting."""
        most = f"maxvcpus = {self.maxvcpus}\n" if self.maxvcpus else ""
        more = "".join(f"{_plain(key)} = {_setting(value)}\n" for key, value in self.more.items())
        disks = ", ".join(f'"{disk.text()}"' for disk in self.disks)
        return (
            f'name = "{_plain(self.name)}"\n{self.start.text()}'
            f"memory = {self.memory_mib}\nmaxmem = {self.memory_mib}\n"
            f"vcpus = {self.vcpus}\n{most}"
            f"disk = [ {disks} ]\nvif = [ ]\n{more}"
            f'on_poweroff = "destroy"\non_reboot = "{_plain(self.on_reboot)}"\non_crash = "{_plain(self.on_crash)}"\n'
        )


def _setting(value: Setting) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f'"{_string(value)}"'
    return f"[ {', '.join(map(_setting, value))} ]"


def _string(text: str) -> str:
    if not _STRING.match(text):
        raise UsageError(f"{text!r} cannot be in a guest's configuration; expected no quote and no backslash")
    return text


def _plain(word: str) -> str:
    if not _PLAIN.match(word):
        raise UsageError(f"{word!r} cannot be in a guest's configuration; expected only letters, digits and /._+:@-")
    return word
