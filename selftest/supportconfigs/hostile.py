"""Supportconfigs that were written to take all memory, all time, or to be read as what they are not."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from selftest.supportconfigs.host import FOLDER, command, configuration, files

MIB = 1 << 20
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": lambda data: gzip.compress(data, 1, mtime=0),
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}
# Piece by piece: a piece that is compressed once can come a thousand times.
Pieces = Iterable[tuple[bytes, int]]


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """The header of a member, which may be of any size."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def host(changes: Mapping[str, str] | None = None, without: Iterable[str] = ()) -> bytes:
    """The members of a good supportconfig, without the end of the archive."""
    texts = {name: text for name, text in {**files(), **(changes or {})}.items() if name not in set(without)}
    return b"".join(
        header(f"{FOLDER}/{name}", len(data := text.encode())) + padded(data) for name, text in texts.items()
    )


def write(path: Path, kind: str, pieces: Pieces, end: bytes = bytes(1024)) -> Path:
    """An archive of the pieces, each compressed as a stream of its own and written as often as it says."""
    with path.open("wb") as out:
        for data, times in [*pieces, (end, 1)]:
            packed = COMPRESS[kind](data)
            for _ in range(times):
                out.write(packed)
    return path


def large(name: str, unit: str, mib: int, head: str = "") -> Pieces:
    """One member of that many MiB, made of `unit` over and over below `head`; its last line has an end."""
    lines = (unit * (MIB // len(unit.encode()))).encode()
    first = head.encode()
    size = len(first) + len(lines) * mib + 1
    yield header(f"{FOLDER}/{name}", size) + first, 1
    yield lines, mib
    yield b"\n" + bytes(-size % 512), 1


def block(title: str) -> str:
    return command(title, "").rstrip("\n") + "\n"


def swelling(path: Path, kind: str) -> Path:
    """A good supportconfig with 2 GiB of zeros in a file that nobody wants."""
    return write(path, kind, [(host() + header(f"{FOLDER}/other.bin", 2 << 30), 1), (bytes(4 * MIB), 512)])


def many_texts(path: Path) -> Path:
    """Each text is as large as one may be."""
    names = [name for name in files() if name != "rpm.txt"]
    pieces = [piece for name in names for piece in large(name, "some words, as there are in texts\n", 60)]
    return write(path, "gz", [(host(without=names), 1), *pieces])


def _one(name: str, unit: str, mib: int, head: str = "") -> Callable[[Path], Path]:
    return lambda path: write(path, "gz", [(host(without=[name]), 1), *large(name, unit, mib, head)])


def _texts(name: str, unit: str, mib: int, titles: Iterable[str]) -> Callable[[Path], Path]:
    """Several blocks with so many MiB in each."""

    def make(path: Path) -> Path:
        rest = files()[name]
        text = "".join(f"{head}{unit * (mib * MIB // len(unit))}\n" for head in map(_head, titles))
        return write(path, "gz", [(host({name: text + rest}), 1)])

    return make


def _head(title: str) -> str:
    return configuration(title, "").rstrip("\n") + "\n" if title.startswith("/etc") else block(title)


def _empty_streams(path: Path) -> Path:
    return write(path, "gz", [(host(), 1), (b"", 400_000)])


def _many_members(path: Path) -> Path:
    name = ("plugin-" + "xen" * 1300 + "!").encode()
    one = header("././@LongLink", len(name) + 1, tarfile.GNUTYPE_LONGNAME) + padded(name + b"\0")
    return write(path, "gz", [(host(), 1), ((one + header("x", 0)) * 500, 50)])


def _interfaces(path: Path) -> Path:
    ports = "br0\t\t8000.525400123456\tno\t\teth0\n" + "".join(f"\t\t\t\t\t\t\teth{n}\n" for n in range(200_000))
    rows = "1: br0: <UP> mtu 1500\n" * 200_000
    text = command("/sbin/ip addr", rows) + command(
        "/sbin/brctl show", "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n" + ports
    )
    return write(path, "gz", [(host({"network.txt": text}), 1)])


def _one_folder(path: Path) -> Path:
    rows = "-rw-r--r-- 1 root root 1 2014-09-25 17:02 x{}\n"
    text = block("/bin/ls -lR --time-style=long-iso /boot/") + f"/{'b' * 4 * MIB}:\n"
    return write(path, "gz", [(host({"boot.txt": text + "".join(map(rows.format, range(50_000)))}), 1)])


PS = "/bin/ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd"
RPM = (
    "#==[ Command ]===#\n"
    '# rpm -qa --queryformat "%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\\n" | sort -k 1,2 -t " " -i\n'
)
ROW = "-rw-r--r-- 1 root root 1 2014-09-25 17:02 config\n"
HOSTILE: dict[str, Callable[[Path], Path]] = {
    "zeros in gz": lambda path: swelling(path, "gz"),
    "zeros in bz2": lambda path: swelling(path, "bz2"),
    "zeros in xz": lambda path: swelling(path, "xz"),
    "many large texts": many_texts,
    "lines of two letters": _one("xen.txt", "x\n", 60),
    "empty lines in a section": _one("xen.txt", "\n", 60, block("/usr/sbin/xl info")),
    "large characters": _one("xen.txt", "\U0001f600" * 20 + "\n", 60, block("/usr/sbin/xl dmesg")),
    "one line": _one("xen.txt", "\U0001f600", 60, block("/usr/sbin/xl dmesg")),
    "many blocks": _one("xen.txt", "#==[ Command ]==#\n# x\n", 60),
    "many headers": _one("xen.txt", "#==[ Command ]==#\n", 60),
    "many long titles": _one("etc.txt", "#==[ Configuration File ]==#\n# /etc/" + "\U0001f600" * 240 + "\n", 20),
    "a long title": _one("boot.txt", "R", 60, "#==[ Command ]==#\n# /bin/ls -l"),
    "a listing": _one("boot.txt", ROW, 60, block("/bin/ls -lR --time-style=long-iso /boot/") + "/boot:\n"),
    "listings": _texts("boot.txt", "/a:\n" + ROW, 7, ["/bin/ls -lR /boot/"] * 8),
    "a folder with a long name": _one_folder,
    "packages": _one("rpm.txt", "a SUSE 1-1\n", 60, RPM),
    "processes": _one("basic-health-check.txt", "root 1 0 0.0 0.1 2 1 Ss 00:00:01 /x\n", 60, block(PS)),
    "the words of a kernel": _texts("boot.txt", " x86_64", 7, ["/bin/uname -a"]),
    "the name of a system": _texts("boot.txt", "PRETTY_NAME=x ", 7, ["/etc/os-release"]),
    "texts that are read": _texts("etc.txt", "a = b\n", 7, [f"/etc/xen/x{n}.conf" for n in range(8)]),
    "interfaces": _interfaces,
    "streams of gzip": _empty_streams,
    "members with long names": _many_members,
}
# What a pattern could go through again for each of its letters: the file, the title of the block, a line.
LINES: list[tuple[str, str, str]] = [
    ("boot.txt", "/bin/uname -a", "Linux xen1 3.12 #1" + " x86_64" * 1_000_000),
    ("boot.txt", "/bin/uname -a", "Linux x " + "1" * 7_000_000),
    ("basic-environment.txt", "/etc/os-release", "PRETTY_NAME=" + " " * 7_000_000 + '"x'),
    ("rpm.txt", "RPM", "a" + " x" * 3_000_000 + "\t"),
    ("rpm.txt", "RPM", "a" * 7_000_000),
    ("systemd.txt", "/usr/bin/systemctl --no-pager list-unit-files", "UNIT FILE\n" + "a." * 3_000_000),
    ("systemd.txt", "/usr/bin/systemctl --no-pager list-unit-files", "UNIT FILE\na.b c" + " " * 7_000_000 + "d e"),
    ("systemd.txt", "/usr/bin/systemctl --no-pager --all list-units", "UNIT LOAD\nLOAD " + "=" * 7_000_000),
    ("network.txt", "/sbin/ip addr", "1" * 7_000_000),
    ("network.txt", "/sbin/brctl show", "bridge name\tbridge id\nb" + "\t" * 7_000_000),
    ("modules.txt", "/sbin/lsmod | sort", "a" + " 1" * 3_000_000),
    ("boot.txt", "/bin/ls -lR --time-style=long-iso /boot/", "/boot:\n-rw-r--r-- " + "1 " * 3_000_000),
    ("boot.txt", "/bin/ls -lR --time-style=long-iso /boot/", "/boot:\n-rw-r--r-- 1 r r" + " " * 7_000_000),
    ("boot.txt", "/bin/ls -lR --time-style=long-iso /boot/", "/" + ":/" * 3_000_000),
    ("basic-health-check.txt", PS, "USER PID PPID\nroot 1 1 " + "1 " * 3_000_000),
    ("basic-health-check.txt", PS, "USER PID PPID\nroot 1 1 1 1 1 1 S 0 [" + "a" * 7_000_000),
    ("xen.txt", "/usr/sbin/xl list", "Name ID\nDomain-0" + " " * 7_000_000),
    ("xen.txt", "/usr/sbin/xl info", "host" + " " * 7_000_000 + "x"),
]


def write_line(path: Path, name: str, title: str, line: str) -> Path:
    """The supportconfig whose block of that title has that line only."""
    head = RPM if title == "RPM" else _head(title)
    with tarfile.open(path, "w:gz", compresslevel=1) as out:
        for file, text in {**files(), name: head + line + "\n"}.items():
            member = tarfile.TarInfo(f"{FOLDER}/{file}")
            member.size = len(data := text.encode())
            out.addfile(member, io.BytesIO(data))
    return path
