"""Which backend serves a guest's disk: read in xenstore, and once more in what dom0 really runs."""

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
    """Who serves a disk in dom0: the kernel (`phy`, on a loop device for a file) or qemu."""

    BLKBACK = "blkback"
    QDISK = "qdisk"

    @property
    def type(self) -> str:
        """What xl calls it, in a configuration and in xenstore."""
        return {DiskBackend.BLKBACK: "phy", DiskBackend.QDISK: "qdisk"}[self]


# The directory of xenstore below which each of them keeps its disks.
_PID = re.compile(r"[1-9][0-9]{0,9}")
_KINDS = {"vbd": DiskBackend.BLKBACK, "qdisk": DiskBackend.QDISK}


@dataclass(frozen=True, slots=True)
class StoreVbd:
    """A disk in xenstore: its `type` as xl wrote it, and whether both ends say that they are connected.

    `params` name its target, `node` the block device that serves it, `mode` is "w" or "r".  It is `offered` once its
    backend waits for the guest, or has it.
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
    """The disk `vdev` of a guest; raises ParseError where it has none or its two ends do not name each other."""
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
    """The disk `vdev` of a guest as xenstore has it now; raises what `vbd_in_xenstore` and `read_xenstore` raise."""
    store = read_xenstore(dom0, f"/local/domain/{domid}/device", "/local/domain/0/backend")
    return vbd_in_xenstore(store, domid, vdev)


@dataclass(frozen=True, slots=True)
class DiskWorkers:
    """What runs in dom0 for one disk file of one guest.

    `qemu` are processes for the domain that hold the file open, `threads` the kernel threads of its
    blkback, `loops` the loop devices on the file.
    """

    qemu: tuple[int, ...]
    threads: tuple[str, ...]
    loops: tuple[str, ...]

    @property
    def backend(self) -> DiskBackend | None:
        """The one backend that they add up to; None where they do not."""
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
    """Rows such as "loop loop0", "qemu 523", "thread [4.xvda-0]", closed by "end"; raises ParseError otherwise."""
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
