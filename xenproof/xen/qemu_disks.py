"""The disks that a guest's qemu serves, read from its monitor, independently of xenstore and libxl."""

import re
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.source.connection import Connection
from xenproof.xen.domain_control import run_xl

# Such as "xvdb-raw: /var/lib/xen/a.img (raw)", with "#block123 " before the path in some series, and behind it
# indented lines such as "    Cache mode:       writeback, direct".
_DISK = re.compile(r"[^\s:]+(?: \(#block\d+\))?: (/.*) \(([a-z0-9]+)(?:, [a-z-]+)*\)\Z")
_CACHE = "Cache mode:"


@dataclass(frozen=True, slots=True)
class QemuDisk:
    """One disk: its file, the format in which qemu reads it, and its cache mode, such as "writeback, direct"."""

    path: str
    format: str
    cache: str


def parse_info_block(text: str) -> tuple[QemuDisk, ...]:
    """The disks in the output of qemu's monitor command "info block"; drives without a file are left out."""
    found: list[QemuDisk] = []
    for block in re.split(r"\n(?=\S)", text.replace("\r", "")):
        head, *rest = block.split("\n")
        if match := _DISK.match(head):
            cache = next((line.partition(_CACHE)[2].strip() for line in rest if _CACHE in line), "")
            found.append(QemuDisk(match[1], match[2], cache))
    return tuple(found)


def qemu_disks(dom0: Connection, domid: int) -> dict[str, QemuDisk]:
    """The disks of a domain that its qemu serves, by path; raises ParseError where its monitor names none."""
    done = run_xl(dom0, "qemu-monitor-command", str(domid), "info block")
    if not (found := parse_info_block(done.text)):
        printed = (done.text + done.error_text).strip()
        raise ParseError(
            f"the qemu of domain {domid} names no disk with a file when it is asked; it prints {printed[-300:]!r}"
        )
    return {disk.path: disk for disk in found}
