"""The initramfs of the witness guest: busybox, the modules of its disk, and the witness as /init."""

import gzip
import lzma
import re
import stat
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from xenproof.errors import LabError
from xenproof.programs import piped

MODULES = ("xen-blkfront", "xen-netfront")
"""What the witness needs of its kernel beyond what is built in and its file system, in the order of loading."""

PROVIDERS = ("crc32c_generic",)
"""Modules that file systems ask the kernel's crypto API for, so that modules.dep does not name them as needed.

Loaded where the kernel has them: later ones (seen with 7.2) compute these checksums without.
"""

APPLETS = ("sh", "mount", "umount", "insmod", "usleep", "yes", "dd", "sha256sum", "date", "sed", "mkfifo")

# Such as "kernel/fs/ext4/ext4.ko.xz", or what was installed beside it, "updates/dkms/a.ko".
_MODULE = re.compile(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*")

# Linux runs these paths, with no file open, when the toolstack asks a PV guest to shut down or to start again.
ENDS = {
    name: f'#!/bin/sh\necho "XENPROOF1 {name}" >/dev/console\nexec /bin/busybox {name} -f\n'.encode()
    for name in ("poweroff", "reboot")
}


class Cpio:
    """Writes an archive in the format "newc", with owner, time and inode numbers that never vary."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def add(self, name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """Append one entry; `mode` holds the file type, `device` is (major, minor) of a device node."""
        self._count += 1
        raw = name.encode() + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0)
        header = b"070701" + b"".join(b"%08X" % value for value in fields)
        for part in (header + raw, data):
            self._parts.append(part + b"\0" * (-len(part) % 4))

    def bytes(self) -> bytes:
        """The whole archive, with its trailer."""
        self.add("TRAILER!!!", 0)
        return b"".join(self._parts)


def modules_in_order(folder: Path, wanted: tuple[str, ...]) -> list[Path]:
    """The module files below `folder` (/lib/modules/RELEASE) that `wanted` need, in the order of loading.

    A module that modules.builtin names needs no file.  Raises LabError for one that is in neither.  PROVIDERS that
    the kernel has come first.
    """
    needs = dict(_dependencies(folder / "modules.dep"))
    named = {path for row in needs.items() for path in (row[0], *row[1])}
    if strange := sorted(path for path in named if not _MODULE.fullmatch(path) or ".." in path.split("/")):
        raise LabError(f"{folder}/modules.dep names {strange[0][:200]!r}, expected paths below {folder}")
    if missing := sorted(named - set(needs)):
        raise LabError(f"{folder}/modules.dep has no row of {missing[0]!r}, which another row needs")
    by_name = {_plain(path): path for path in needs}
    builtin = {_plain(line) for line in _text(folder / "modules.builtin").splitlines()}
    order: list[str] = []

    def visit(path: str, above: tuple[str, ...] = ()) -> None:
        if path in above:
            raise LabError(f"{folder}/modules.dep has a module that needs itself: {path!r}")
        for needed in needs[path]:
            if needed not in order:
                visit(needed, (*above, path))
        if path not in order:
            order.append(path)

    for name in (*(name for name in PROVIDERS if name in by_name), *wanted):
        if (plain := name.replace("-", "_")) in by_name:
            visit(by_name[plain])
        elif plain not in builtin:
            raise LabError(
                f"module {name!r} is neither in {folder}/modules.dep nor built in; give a complete root tree"
            )
    return [folder / path for path in order]


def build_initramfs(busybox: Path, modules: list[Path]) -> bytes:
    """The gzipped initramfs; raises LabError where a file is missing or compressed in an unknown way."""
    cpio = Cpio()
    for name in ("bin", "dev", "mnt", "modules", "proc", "root", "sbin", "sys"):
        cpio.add(name, stat.S_IFDIR | 0o755)
    cpio.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.add("bin/busybox", stat.S_IFREG | 0o755, _bytes(busybox))
    for applet in APPLETS:
        cpio.add(f"bin/{applet}", stat.S_IFLNK | 0o777, b"busybox")
    cpio.add("init", stat.S_IFREG | 0o755, resources.files(__package__).joinpath("witness.sh").read_bytes())
    for end, script in ENDS.items():
        cpio.add(f"sbin/{end}", stat.S_IFREG | 0o755, script)
    names = [f"{_plain(str(path))}.ko" for path in modules]
    cpio.add("modules/order", stat.S_IFREG | 0o644, "".join(f"{name}\n" for name in names).encode())
    for name, path in zip(names, modules, strict=True):
        cpio.add(f"modules/{name}", stat.S_IFREG | 0o644, _unpacked(path))
    return gzip.compress(cpio.bytes(), 9, mtime=0)


def _dependencies(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Rows such as "kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko kernel/fs/mbcache.ko"."""
    for line in _text(path).splitlines():
        module, colon, needed = line.partition(":")
        if not colon:
            raise LabError(f"{path} has the line {line!r}, expected MODULE: NEEDED...")
        yield module, needed.split()


def _plain(path: str) -> str:
    """The name that modprobe knows: "kernel/drivers/block/xen-blkfront.ko.xz" is "xen_blkfront"."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def _unpacked(path: Path) -> bytes:
    data = _bytes(path)
    match path.suffix:
        case ".ko":
            return data
        case ".xz":
            return lzma.decompress(data)
        case ".gz":
            return gzip.decompress(data)
        case ".zst":
            return piped(data, "zstd", "-d", "-q", "-c")
    raise LabError(f"{path} is compressed in an unknown way; expected .ko, .ko.xz, .ko.gz or .ko.zst")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LabError(f"cannot read {path} for the witness guest: {error.strerror}") from error


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace")
