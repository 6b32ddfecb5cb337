"""What xl, xenstore's tools, qemu and a guest print while guests are run."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from selftest.corpus import folders, transcripts
from selftest.fuzz.target import Choice, FuzzTarget, each, text_of
from xenproof.guest.host.lease import parse_capacity
from xenproof.guest.host.leftovers import parse_snapshot
from xenproof.guest.host.medium import parse_extents
from xenproof.guest.witness import parse_witness, statuses
from xenproof.source.probe import ProbeOutput
from xenproof.xen.backend import parse_disk_workers, vbd_in_xenstore
from xenproof.xen.cost import parse_cost
from xenproof.xen.disk_line import dry_run_words
from xenproof.xen.dom0_load import parse_dom0_clock
from xenproof.xen.domain_control import cause_first
from xenproof.xen.domains import parse_free_memory, parse_xl_list
from xenproof.xen.dry_run import parse_dry_run
from xenproof.xen.processors import parse_affinity, parse_cpus, parse_nodes, parse_pools
from xenproof.xen.qemu_disks import parse_info_block
from xenproof.xen.time_limits import time_limit_in
from xenproof.xen.xenstore import parse_xenstore

_DATA = Path(__file__).parents[2] / "data"
_ALL = frozenset(range(8))


def _store(data: bytes) -> None:
    store = parse_xenstore(text_of(data))
    each(*(partial(vbd_in_xenstore, store, domid, "xvda") for domid in range(4)))


def _witness(data: bytes) -> None:
    console = text_of(data)
    each(lambda: parse_witness(console), lambda: list(statuses(console)))


_XL = Choice(
    {
        "xl list": lambda data: parse_xl_list(text_of(data)),
        "free memory": lambda data: parse_free_memory(text_of(data)),
        "cost": lambda data: parse_cost(text_of(data)),
        "affinity": lambda data: parse_affinity(text_of(data), _ALL),
        "cpus": lambda data: parse_cpus(text_of(data)),
        "nodes": lambda data: parse_nodes(text_of(data)),
        "pools": lambda data: parse_pools(text_of(data)),
        "dry run": lambda data: dry_run_words(parse_dry_run(ProbeOutput("x", data, b"", 0))),
        "xenstore": _store,
        "info block": lambda data: parse_info_block(text_of(data)),
        "disk workers": lambda data: parse_disk_workers(text_of(data)),
        "snapshot": lambda data: parse_snapshot(text_of(data)),
        "capacity": lambda data: parse_capacity(text_of(data)),
        "extents": lambda data: parse_extents(text_of(data)),
        "witness": _witness,
        "dom0 load": lambda data: parse_dom0_clock(text_of(data)),
        "time limit": lambda data: time_limit_in(text_of(data)),
        "cause": lambda data: cause_first(text_of(data)),
    }
)
_COMMANDS = {
    "xl list": "xl list",
    "xl info": "free memory",
    "xl vcpu-list": "affinity",
    "xl info -n": "nodes",
    "xl cpupool-list -c": "pools",
    "xenstore-ls -f": "xenstore",
    "xl create": "dry run",
}
_MEMORY = b"MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 9 kB\nBuffers: 1 kB\nCached: 5 kB\ncpu  1 2 3 4 5 6 7 8\n"
_LOAD = (
    b"45263.89 29157.52\n6.26 5.95 5.15 6/134 30863\ncpu  384 162 574 2915 534 0 7 16 0 0\n"
    b"some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
)
_FREE = b"nr_cpus                : 2\nfree_memory            : 2014\n"
_LISTED = (
    b"Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
    b"Domain-0                                     0  1024     2     r-----      90.3\n"
)
_EXTENTS = (
    b"Filesystem type is: ef53\nFile size of /x is 8192 (2 blocks of 4096 bytes)\n"
    b" ext:     logical_offset:        physical_offset: length:   expected: flags:\n"
    b"   0:        0..       1:      34816..     34817:      2:             last,eof\n/x: 1 extent found\n"
)
_BLOCKS = (
    b"xvda-raw (#block123): /var/lib/xen/a.img (raw)\n    Cache mode:       writeback, direct\n\nide0: [not inserted]\n"
)


@cache
def _xl_seeds() -> Sequence[bytes]:
    found = [
        _XL.input(reader, row.stdout)
        for folder in folders()
        for row in transcripts(folder)
        for command, reader in _COMMANDS.items()
        if row.plain_command.startswith(command)
    ]
    data = {name: (_DATA / f"guest_{name}.txt").read_bytes() for name in ("console", "snapshot", "xenstore", "xl_info")}
    return [
        *found,
        _XL.input("witness", data["console"]),
        _XL.input("snapshot", data["snapshot"]),
        _XL.input("xenstore", data["xenstore"]),
        _XL.input("cost", _MEMORY + data["xl_info"]),
        _XL.input("cpus", b"0-1,3"),
        _XL.input("disk workers", b"loop loop0\nqemu 523\nthread [4.xvda-0]\nend\n"),
        _XL.input("info block", _BLOCKS),
        _XL.input("extents", _EXTENTS),
        _XL.input("dom0 load", _LOAD),
        _XL.input("time limit", b"libxl: error: killing execution of /etc/xen/scripts/block add because of timeout\n"),
        _XL.input("cause", b"Parsing config from x\nxc: info: A:\n  b\nlibxl: error: x\nWARNING: y\n"),
        _XL.input("capacity", b"request xenproof-a 1 512 2\nxl list\n" + _LISTED + b"\nxl info\n" + _FREE),
    ]


def _xl_known() -> dict[str, bytes]:
    number = b"9" * 5000
    return {
        "a domain of 5,000 digits": _XL.input("xl list", _LISTED.replace(b"1024", number)),
        "free memory of 5,000 digits": _XL.input("free memory", _FREE.replace(b"2014", number)),
        "memory of 5,000 digits": _XL.input("cost", _MEMORY.replace(b"1000", number) + _FREE),
        "time of 5,000 digits": _XL.input("cost", _MEMORY.replace(b"cpu  1", b"cpu  " + number) + _FREE),
        "a process of 5,000 digits": _XL.input("disk workers", b"qemu " + number + b"\nend\n"),
        "an extent of 5,000 digits": _XL.input("extents", _EXTENTS.replace(b"34816", number)),
        "a block of 5,000 digits": _XL.input("extents", _EXTENTS.replace(b"4096", number)),
        "a steal of 20 digits": _XL.input("dom0 load", _LOAD.replace(b" 16 0 0", b" " + b"9" * 20 + b" 0 0")),
        "nested JSON": _XL.input("dry run", b"[" * 100_000),
        "a format that is a number": _XL.input("dry run", b'{"c_info": {}, "disks": [{"format": 5}]}'),
        "nested objects": _XL.input("dry run", b'{"a":' * 100_000),
    }


TARGETS = (
    FuzzTarget(
        "xl",
        _XL,
        _xl_seeds,
        _xl_known,
        words=(
            b"xl list\n",
            b"\nxl info\n",
            b' = "',
            b"\\x0",
            b"/local/domain/0",
            b"/backend",
            b"{",
            b"c_info",
            b"all",
        ),
    ),
)
