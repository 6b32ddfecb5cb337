"""Which backend serves a guest's disk, according to xenstore and to the processes that dom0 runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from xenproof.errors import ParseError
from xenproof.source.connection import Connection
from xenproof.xen.xenstore import below, read_xenstore

CONNECTED = "4"  # XenbusStateConnected
_OFFERED = ("2", "3", CONNECTED)  # XenbusStateInitWait and what follows it


class DiskBackend(StrEnum):
    """What serves a disk in dom0: the kernel (`phy`, on a loop device for a file) or qemu."""

    BLKBACK = "blkback"
    QDISK = "qdisk"

    @property
    def type(self) -> str:
        """Its name in xl's configuration and in xenstore."""
        return {DiskBackend.BLKBACK: "phy", DiskBackend.QDISK: "qdisk"}[self]


_PID = re.compile(r"[1-9][0-9]{0,9}")
# The directory of xenstore that holds the disks of each backend.
_KINDS = {"vbd": DiskBackend.BLKBACK, "qdisk": DiskBackend.QDISK}


@dataclass(frozen=True, slots=True)
class StoreVbd:
    """A disk in xenstore.

    `type` is what xl wrote, `params` names the target, `node` the block device that serves it, `mode` is "w" or "r".
    `connected`: frontend and backend are both connected.  `offered`: the backend waits for the guest, or is connected.
    """

    vdev: str
    backend: DiskBackend
    type: str
    params: str
    node: str
    connected: bool
    path: str
    mode: str = ""
    offered: bool = False


def vbd_in_xenstore(store: Mapping[str, str], domid: int, vdev: str) -> StoreVbd:
    """The disk `vdev` of a guest; raises ParseError where it has none or its backend names another frontend."""
    for key, path in below(store, f"/local/domain/{domid}/device/vbd").items():
        if not key.endswith("/backend"):
            continue
        back = below(store, path)
        if back.get("dev") != vdev:
            continue
        front = f"/local/domain/{domid}/device/vbd/{key.removesuffix('/backend')}"
        if back.get("frontend") != front:
            raise ParseError(f"{path}/frontend is {back.get('frontend')!r}, expected {front!r}")
        # Such as: /local/domain/0/backend/qdisk/1/51712
        if (match := re.match(r"/local/domain/0/backend/([a-z]+)/\d+/\d+\Z", path)) is None or match[1] not in _KINDS:
            raise ParseError(f"{front}/backend is {path!r}, expected one of dom0's vbd or qdisk backends")
        ends = (back.get("state"), store.get(f"{front}/state"))
        return StoreVbd(
            vdev, _KINDS[match[1]], back.get("type", ""), back.get("params", ""), back.get("node", ""),
            ends == (CONNECTED, CONNECTED), path, back.get("mode", ""), back.get("state") in _OFFERED,
        )  # fmt: skip
    raise ParseError(f"xenstore has no backend of a disk {vdev!r} for domain {domid}")


def read_vbd(dom0: Connection, domid: int, vdev: str) -> StoreVbd:
    """The disk `vdev` of a guest in xenstore now; raises what `vbd_in_xenstore` and `read_xenstore` raise."""
    store = read_xenstore(dom0, f"/local/domain/{domid}/device", "/local/domain/0/backend")
    return vbd_in_xenstore(store, domid, vdev)


@dataclass(frozen=True, slots=True)
class DiskWorkers:
    """What runs in dom0 for one disk file of one guest.

    `qemu` are the domain's qemu processes that have the file open, `threads` the kernel threads of its
    blkback, `loops` the loop devices on the file.
    """

    qemu: tuple[int, ...]
    threads: tuple[str, ...]
    loops: tuple[str, ...]

    @property
    def backend(self) -> DiskBackend | None:
        """The one backend to which they all belong; None where there is no such backend."""
        match bool(self.qemu), bool(self.threads), bool(self.loops):
            case True, False, False:
                return DiskBackend.QDISK
            case False, True, True:
                return DiskBackend.BLKBACK
        return None

    def __str__(self) -> str:
        parts = [f"qemu process {pid} holds it open" for pid in self.qemu]
        parts += [f"kernel thread {name}" for name in self.threads]
        parts += [f"{name} is on it" for name in self.loops]
        return ", ".join(parts) or "nothing in dom0 serves the file"


# One pass over the processes: where dom0 is emulated, each new process costs a tenth of a second.
_WORKERS = """\
for loop in /sys/block/loop*; do
    [ -e "$loop/loop/backing_file" ] && read -r file <"$loop/loop/backing_file" &&
        [ "$file" = "$path" ] && echo "loop ${loop##*/}"
done
ps -ww -e -o pid=,args= | while read -r pid args; do
    case " $args " in
    *" -xen-domid $domid "*) [ "$(find "/proc/$pid/fd" -lname "$path" 2>/dev/null)" ] && echo "qemu $pid" ;;
    " [$domid.$vdev"*"] " | " [blkback.$domid.$vdev"*"] ") echo "thread ${args%% *}" ;;
    esac
done
echo end
"""


def disk_workers(dom0: Connection, domid: int, vdev: str, path: str) -> DiskWorkers:
    """What serves the disk file `path` of domain `domid` in dom0's /proc and /sys."""
    script = f"domid={domid:d} vdev='{vdev}' path='{path}'\n{_WORKERS}"
    return parse_disk_workers(dom0.run(script).check().text)


def parse_disk_workers(text: str) -> DiskWorkers:
    """The workers in rows such as "loop loop0", "qemu 523", "thread [4.xvda-0]"; raises ParseError without "end"."""
    *lines, last = text.rstrip("\n").split("\n")
    if last != "end":
        raise ParseError(f"the reading of dom0's processes was cut off at {last[:200]!r}, expected 'end'")
    found: dict[str, set[str]] = {"qemu": set(), "thread": set(), "loop": set()}
    for line in lines:
        kind, _, name = line.partition(" ")
        if kind not in found or not name or (kind == "qemu" and not _PID.fullmatch(name)):
            raise ParseError(f"the reading of dom0's processes has {line[:200]!r}, expected qemu, thread or loop")
        found[kind].add(name)
    return DiskWorkers(
        tuple(sorted(map(int, found["qemu"]))), tuple(sorted(found["thread"])), tuple(sorted(found["loop"]))
    )
