"""The disk image that every witness guest starts from, made from a Debian root tree without root rights."""

import gzip
import hashlib
import json
import os
import shutil
import struct
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from xenproof.errors import LabError
from xenproof.guest.initramfs import build_initramfs, modules_in_order
from xenproof.programs import require

MIB = 1 << 20
SECTOR = 512
AREA_MIB = 2
BLOCK = 64 << 10
BLOCKS = 16
"""The witness writes this many blocks, from the second block of partition 2 on."""

COMMAND_LINE = "console=hvc0 rdinit=/init panic=1 xenproof.witness=1 xenproof.entry=default"
# GRUB itself fills in its platform, so a kernel that was started any other way lacks the right mark.
LOADER_MARK = "xenproof.loader="
LOADER = "xen-x86_64"
MENU = f"""\
# xenproof witness menu
set timeout=0
echo "XENPROOF1 grub $grub_platform-$grub_cpu"
menuentry "xenproof witness" --id default {{
  linux /boot/vmlinuz {COMMAND_LINE} {LOADER_MARK}$grub_platform-$grub_cpu
  initrd /boot/initramfs.gz
}}
"""


@dataclass(frozen=True, slots=True)
class GuestImage:
    """The packed image of the witness guest.

    `sha256` is of the packed file, `raw_sha256` and `raw_bytes` of the disk itself, `area_offset`
    is where its partition 2 starts in bytes, `release` the kernel's and `command_line` what the
    guest must find as its own.
    """

    path: Path
    sha256: str
    raw_sha256: str
    raw_bytes: int
    area_offset: int
    release: str
    command_line: str

    @staticmethod
    def read(folder: Path) -> "GuestImage":
        """The image that `build_guest_image` left in `folder`; raises LabError if it is missing or damaged."""
        try:
            data = json.loads((folder / "guest.json").read_text("utf-8"))
            image = GuestImage(**{**data, "path": folder / data["path"]})
            found = hashlib.sha256(image.path.read_bytes()).hexdigest()
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise LabError(f"{folder} holds no guest image ({error!r}); build it again") from error
        if found != image.sha256:
            raise LabError(f"{image.path} has sha256 {found}, expected {image.sha256}; build it again")
        return image


def build_guest_image(rootfs: Path, into: Path) -> None:
    """Write disk.raw.gz and guest.json of the witness guest into the folder `into`.

    `rootfs` is an unpacked root tree with /boot/vmlinuz-*, /lib/modules and a static /bin/busybox.
    Raises LabError where it lacks one of them or mke2fs fails.
    """
    release = _release(rootfs)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix="guest-") as scratch:
        tree = Path(scratch) / "tree"
        for menu in ("grub", "grub2"):  # Debian's grub.xen looks for the first, SUSE's for the second
            (tree / "boot" / menu).mkdir(parents=True)
            (tree / "boot" / menu / "grub.cfg").write_text(MENU)
        shutil.copyfile(rootfs / f"boot/vmlinuz-{release}", tree / "boot/vmlinuz")
        modules = modules_in_order(rootfs / "lib/modules" / release)
        (tree / "boot/initramfs.gz").write_bytes(build_initramfs(rootfs / "bin/busybox", modules))
        raw, area_offset = _disk(tree, Path(scratch) / "disk.raw")
    packed = gzip.compress(raw, 6, mtime=0)
    path = into / "disk.raw.gz"
    path.write_bytes(packed)
    image = GuestImage(
        path=path,
        sha256=hashlib.sha256(packed).hexdigest(),
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        raw_bytes=len(raw),
        area_offset=area_offset,
        release=release,
        command_line=f"{COMMAND_LINE} {LOADER_MARK}{LOADER}",
    )
    (into / "guest.json").write_text(json.dumps({**asdict(image), "path": path.name}, indent=1) + "\n", "utf-8")


def _release(rootfs: Path) -> str:
    """The newest kernel of the tree that has its modules with it."""
    kernels = sorted((rootfs / "boot").glob("vmlinuz-*"), key=lambda path: path.stat().st_mtime)
    usable = [name for path in kernels if (rootfs / "lib/modules" / (name := path.name[len("vmlinuz-") :])).is_dir()]
    if not usable:
        raise LabError(
            f"{rootfs} has no /boot/vmlinuz-RELEASE with a /lib/modules/RELEASE; install a kernel package in it"
        )
    return usable[-1]


def _disk(tree: Path, path: Path) -> tuple[bytes, int]:
    """A disk with `tree` as ext4 on partition 1 and an empty partition 2, and where partition 2 starts."""
    used = sum(file.stat().st_size for file in tree.rglob("*") if file.is_file())
    size = (used // MIB + 3) * MIB
    path.write_bytes(b"")
    os.truncate(path, size)
    # Only what every GRUB 2 reads.
    command = [
        require("mke2fs"),
        "-q",
        "-F",
        "-t",
        "ext4",
        "-O",
        "none,filetype,extent,sparse_super",
        "-m",
        "0",
        "-b",
        "4096",
    ]
    command += ["-N", "64", "-L", "xenproof", "-d", str(tree), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise LabError(f"mke2fs ended with exit code {done.returncode}: {done.stderr.strip()!r}")
    return _mbr(size) + b"\0" * (MIB - SECTOR) + path.read_bytes() + b"\0" * (AREA_MIB * MIB), MIB + size


def _mbr(size: int) -> bytes:
    def entry(start: int, length: int, kind: int) -> bytes:
        # The CHS fields say "beyond what CHS can address": only the LBA fields count.
        return struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // SECTOR, length // SECTOR)

    table = entry(MIB, size, 0x83) + entry(MIB + size, AREA_MIB * MIB, 0xDA)
    return (b"\0" * 440 + b"XPRF" + b"\0\0" + table).ljust(510, b"\0") + b"\x55\xaa"
