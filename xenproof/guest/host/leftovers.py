"""What a guest leaves behind in dom0: domains, xenstore, processes, loop devices, volumes of
device-mapper, network devices, files.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.run.waiting import wait_until
from xenproof.source.connection import Connection, quoted
from xenproof.xen.domains import parse_xl_list

_MARK = "=xenproof="

# As few processes as possible: on an emulated host each costs a tenth of a second.
# Each section ends with a line of its own, so that a section that was cut off is not taken for an empty one.
# xenstore-list stops at the first missing path, so the paths are then listed one by one; duplicates do no harm.
_SNAPSHOT = """\
xl list; echo {mark} domains $?
paths="/local/domain /vm /libxl $(xenstore-list -p /local/domain/0/backend)"
xenstore-list -p $paths || for path in $paths; do xenstore-list -p "$path"; done; echo {mark} xenstore 0
ps -ww -e -o pid=,args=; echo {mark} processes $?
for loop in /sys/block/loop*; do
    [ -e "$loop/loop/backing_file" ] && read -r file <"$loop/loop/backing_file" && echo "/dev/${{loop##*/}} $file"
done; echo {mark} loops 0
for mapped in /sys/block/dm-*/dm/name; do
    [ -e "$mapped" ] && read -r name <"$mapped" || continue
    case $name in xenproof-*) echo "$name" ;; esac
done; echo {mark} volumes 0
for net in /sys/class/net/*; do
    case ${{net##*/}} in vif*|tap*) echo "${{net##*/}}" ;; esac
done; echo {mark} networks 0
find {folder} /run/xen /var/lib/xen -maxdepth 1 ! -type d; echo {mark} files 0
"""
# Processes of qemu, blkback's kernel threads, and all whose command line names a guest of xenproof.
_PROCESS = re.compile(r" -xen-domid [1-9]| \[(blkback\.)?\d+\.xvd|\bxenproof-\w+-\d+\b")
_DOMID_OF_FILE = r"(userdata-[a-z]+\.{domid}\.|.*-{domid}$|empty-cdrom\.{domid}$)"


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """One object in dom0 that a guest can leave behind; `text` names it as an administrator would."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"


@dataclass(frozen=True, slots=True)
class GuestIdentity:
    """The properties by which objects in dom0 are recognized as belonging to one guest."""

    name: str
    domid: int
    uuid: str
    files: tuple[str, ...]

    def owns(self, thing: Leftover) -> bool:
        """Whether `thing` belongs to the guest."""
        text, domid = thing.text, self.domid
        # The name of guest 1 must not match that of guest 10.
        if re.search(rf"{re.escape(self.name)}(?!\d)", text) or any(file in text for file in self.files):
            return True
        if domid < 1:
            return False
        match thing.kind:
            case "xenstore":
                own = rf"/local/domain/{domid}|/libxl/{domid}|/local/domain/0/backend/[^/]+/{domid}|/vm/{self.uuid}"
                return re.fullmatch(own, text) is not None
            case "process":
                return re.search(rf" -xen-domid {domid} | \[(blkback\.)?{domid}\.xvd", f"{text} ") is not None
            case "network device":
                return re.match(rf"(vif|tap){domid}[.-]", text) is not None
            case "file":
                return re.match(_DOMID_OF_FILE.format(domid=domid), text.rpartition("/")[2]) is not None
        return False


def snapshot(dom0: Connection, folder: str) -> frozenset[Leftover]:
    """All objects of guests in dom0 now, with the files in `folder`; raises ParseError where the output is cut off."""
    return parse_snapshot(dom0.run(_SNAPSHOT.format(mark=_MARK, folder=quoted(folder)), limit_s=90).text)


def parse_snapshot(text: str) -> frozenset[Leftover]:
    """The objects in the output of the snapshot's script; raises ParseError for a missing section."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith(_MARK + " "):
            name, _, code = line[len(_MARK) + 1 :].partition(" ")
            if code != "0":
                raise ParseError(f"reading {name} for the leak check ended with exit code {code}")
            sections[name], lines = lines, []
        else:
            lines.append(line)
    wanted = {"domains", "xenstore", "processes", "loops", "volumes", "networks", "files"}
    if set(sections) != wanted:
        raise ParseError(f"the leak check read {sorted(sections)}, expected {sorted(wanted)}")
    domains = parse_xl_list("\n".join(sections["domains"]))
    if "/local/domain/0" not in (store := sections["xenstore"]):
        raise ParseError(f"the leak check found no dom0 in xenstore but {store[:3]}, so it proves nothing")
    things = [Leftover("domain", f"{row.name} ({row.domid})") for row in domains if row.domid]
    things += [Leftover("xenstore", path) for path in store if path != "/local/domain/0"]
    things += [Leftover("process", line.strip()) for line in sections["processes"] if _PROCESS.search(line)]
    things += [Leftover("loop device", line) for line in sections["loops"]]
    things += [Leftover("volume", line) for line in sections["volumes"]]
    things += [Leftover("network device", line) for line in sections["networks"]]
    things += [Leftover("file", line) for line in sections["files"]]
    return frozenset(things)


def leftovers(
    dom0: Connection, identity: GuestIdentity, folder: str, limit_s: float, own: Collection[Leftover] = ()
) -> list[Leftover]:
    """What is left of a guest after waiting at most `limit_s` until nothing is, except its `own`."""

    def left() -> list[Leftover]:
        return sorted(thing for thing in snapshot(dom0, folder) if identity.owns(thing) and thing not in own)

    return wait_until(left, lambda things: not things, limit_s)
