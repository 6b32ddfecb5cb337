"""Databases of packages, and the other files of a root directory that an image is judged by."""

import lzma
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path

from selftest.fuzz.judged import judge
from selftest.fuzz.patches import Patched
from selftest.fuzz.target import FuzzTarget, each
from selftest.images.memory import MemoryNode, directory, file, link, put
from selftest.images.root import LINKS, PROFILE, PROGRAMS, TEXTS
from selftest.mutants.recorded import DATA
from xenproof.facts.identity import offline_identity
from xenproof.facts.offline_recording import offline_recording
from xenproof.image.accounts import read_accounts
from xenproof.image.fstab import read_fstab
from xenproof.image.rpm.berkeley import berkeley_headers
from xenproof.image.rpm.database import rpm_packages
from xenproof.image.rpm.header import read_header
from xenproof.image.rpm.integrity import RpmIntegrity
from xenproof.image.rpm.ndb import ndb_headers
from xenproof.image.sections import ImageSections
from xenproof.image.system import system_name
from xenproof.image.tree import Tree
from xenproof.profile.load import load_profile
from xenproof.profile.profile import Profile

_HEADER_TAGS = (1000, 1001, 1002, 1027, 1028, 1029, 1030, 1035, 1036, 1037, 1039, 1040, 1045, 1116, 1117, 1118, 5011)


def _data(name: str) -> bytes:
    return lzma.decompress((DATA / "rpm" / f"{name}.xz").read_bytes())


def ndb(headers: Mapping[int, bytes]) -> bytes:
    """The headers as rpm's own database: a page of slots, then blobs, each with its tail."""
    slots, blobs = bytearray(), bytearray()
    for number, blob in headers.items():
        place = (4096 + len(blobs)) // 16
        tail = struct.pack("<II4s", zlib.adler32(blob), len(blob), b"BlbE")
        whole = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob
        whole += bytes(-(len(whole) + len(tail)) % 16) + tail
        slots += struct.pack("<4sIII", b"Slot", number, place, len(whole) // 16)
        blobs += whole
    page = struct.pack("<4sIII16x", b"RpmP", 0, 1, 1) + slots
    return bytes(page + struct.pack("<4sIII", b"Slot", 0, 0, 0) * ((4096 - len(page)) // 16) + blobs)


@cache
def _headers() -> dict[int, bytes]:
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "rpmdb.sqlite"
        path.write_bytes(_data("with-files.sqlite"))
        with closing(sqlite3.connect(path)) as database:
            return dict(database.execute("SELECT hnum, blob FROM Packages"))


@cache
def _databases() -> tuple[list[str], Patched]:
    found = {
        "rpmdb.sqlite": _data("with-files.sqlite"),
        "Packages.db": ndb(_headers()),
        "Packages": _data("Packages"),
    }
    return list(found), Patched([*found.values(), _data("Packages.big-endian")])


def _root(files: Iterable[tuple[str, bytes]]) -> Tree:
    root = directory()
    for path, content in files:
        put(root, path, file(content))
    return Tree(root)


def _database(data: bytes) -> None:
    names, patched = _databases()
    content = bytes(patched.file(data))
    name = names[min(data[0] % len(patched.files), len(names) - 1)] if data else names[0]
    tree = _root([(f"/var/lib/rpm/{name}", content), ("/etc/passwd", TEXTS["etc/passwd"].encode())])
    accounts = read_accounts(tree)
    integrity = RpmIntegrity(tree, ("xen-tools", "rpm", "xenproof-files"), accounts)
    each(lambda: rpm_packages(tree), integrity.verified, integrity.owners)


def _header(data: bytes) -> None:
    package = read_header(1, data)
    each(lambda: package.name)
    for read in (package.text, package.texts, package.numbers):
        each(*(partial(read, tag) for tag in _HEADER_TAGS))


def _raw(data: bytes) -> None:
    if not data:
        return
    headers = (berkeley_headers, ndb_headers)[data[0] % 2]
    for number, blob in headers(data[1:]):
        read_header(number, blob)


_INTEGRITY = """\
  integrity:
    defaults: {req: [S06], source: x, status: documented}
    xen-utils-4.17: {changed: []}
"""


@cache
def small() -> Profile:
    """A profile of the small root directory."""
    with tempfile.TemporaryDirectory(prefix="xenproof-fuzz-") as folder:
        path = Path(folder) / "small.yaml"
        path.write_text(PROFILE + _INTEGRITY, "utf-8")
        return load_profile(str(path))


_SUMS = "d41d8cd98f00b204e9800998ecf8427e  usr/sbin/xl\n"
_MORE = {
    "var/lib/dpkg/info/xen-utils-4.17.md5sums": _SUMS,
    "var/lib/dpkg/info/xen-utils-4.17.list": "/usr/sbin/xl\n",
    "var/lib/dpkg/updates/0001": "Package: x\nStatus: install ok installed\nVersion: 1\n",
    "var/lib/dpkg/diversions": "/usr/sbin/xl\n/usr/sbin/xl.old\nother\n",
    "etc/xen/auto/guest.cfg": 'name = "x"\n',
    "etc/xen/a.cfg": 'disk = [ "phy:/dev/x,xvda,w" ]\n',
    "var/lib/xend/domains/1/config.sxp": "(domain (name x))\n",
}
_ALL = {**TEXTS, **_MORE}
_FILES = sorted(_ALL)


def _files(data: bytes) -> None:
    """The first byte picks the file of a small root directory that holds the rest instead."""
    if not data:
        return
    profile = small()
    name = _FILES[data[0] % len(_FILES)]
    root = directory()
    for path, text in _ALL.items():
        put(root, path, file(data[1:] if path == name else text))
    for path in PROGRAMS:
        put(root, path, file("#!/bin/sh\n", 0o755))
    for path, target in LINKS.items():
        put(root, path, link(target))
    tree = Tree(root)
    each(lambda: read_fstab(tree), lambda: system_name(tree))
    identity = offline_identity("disk image", kernel="", system="", xl="")
    judge(offline_recording("x", profile, identity, ImageSections(tree, profile).writer, {}), profile)


def _file_seeds() -> Sequence[bytes]:
    return [bytes([at]) + _ALL[name].encode()[:4000] for at, name in enumerate(_FILES)]


def _links(data: bytes) -> None:
    """Links in a tree: each line is where a link is and where it points to."""
    root = directory()
    put(root, "/etc/passwd", file("root:x:0:0::/:/bin/sh\n"))
    paths = ["/etc/passwd", "/a", "/a/b"]
    for line in data.split(b"\n")[:200]:
        path, _, target = line.decode("utf-8", "replace").partition(" ")
        words = [word for word in path.split("/") if word]
        if not words or len(words) > 50:
            continue
        try:
            put(root, "/".join(words), MemoryNode(0o120777, content=target.encode("utf-8", "replace")))
        except (KeyError, AttributeError):
            continue
        paths.append(path)
    tree = Tree(root)
    for path in paths[:20]:
        each(
            partial(tree.text, path),
            partial(tree.names, path),
            partial(tree.find, path, follow=False),
            partial(tree.matching, f"{path}/*"),
        )


TARGETS = (
    FuzzTarget(
        "rpm",
        _database,
        lambda: [_databases()[1].input(which) for which in range(4)],
        longest=4096,
        is_text=False,
    ),
    FuzzTarget(
        "rpm-raw", _raw, lambda: [bytes([0]) + _data("Packages")[:8192], bytes([1]) + ndb(_headers())], is_text=False
    ),
    FuzzTarget("rpm-header", _header, lambda: list(_headers().values()), is_text=False),
    FuzzTarget(
        "root",
        _files,
        _file_seeds,
        words=(b"Package: x\n", b"Status: install ok installed\n", b"Version: ", b"Conffiles:\n /x ", b"[Install]\n"),
        longest=1 << 13,
    ),
    FuzzTarget(
        "links",
        _links,
        lambda: [b"/a b\n/b a\n", b"/a /etc\n/etc/x ../a/x\n", b"/a /a/a\n", b"/x ../../../etc/passwd\n"],
        words=(b"../", b"/a ", b"/a/b ", b"/etc"),
        longest=2048,
    ),
)
