"""The disk image that every witness guest starts from, made from a Debian root tree without root rights."""

import gzip
import hashlib
import json
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from xenproof.codec import from_plain, to_plain
from xenproof.errors import LabError, ParseError
from xenproof.guest.image.boot_sector import BOOT_CODE
from xenproof.guest.image.filesystem import FILESYSTEMS, MIB, make_filesystem
from xenproof.guest.image.initramfs import MODULES, build_initramfs, modules_in_order
from xenproof.guest.image.packed_kernel import Packing, repack

SECTOR = 512
AREA_MIB = 2
BLOCK = 64 << 10
BLOCKS = 16
"""The witness writes this many blocks, from the second block of partition 2 on."""

ENTRY_MARK = "xenproof.entry="
DEFAULT_ENTRY, SECOND_ENTRY = "default", "second"
COMMAND_LINE = (
    f"console=hvc0 rdinit=/init panic=1 xenproof.witness=1 {ENTRY_MARK}{DEFAULT_ENTRY} xenproof.root={{root}}"
)
# GRUB itself fills in its platform, so a kernel that was started any other way lacks the right mark.
LOADER_MARK = "xenproof.loader="
LOADER = "xen-x86_64"
MENU_TITLE = "xenproof witness"
_ENTRY = f"""\
menuentry "{MENU_TITLE} @entry@" --id @entry@ {{
  linux /boot/vmlinuz {COMMAND_LINE.replace("{root}", "@root@")} {LOADER_MARK}$grub_platform-$grub_cpu
  initrd /boot/initramfs.gz
}}
""".replace(f"{ENTRY_MARK}{DEFAULT_ENTRY}", f"{ENTRY_MARK}@entry@")
# The two settings are what a guest that runs can change, each in its line.
_MENU = """\
# xenproof witness menu
set timeout=0
set default=0
echo "XENPROOF1 grub $grub_platform-$grub_cpu"
""" + "".join(_ENTRY.replace("@entry@", entry) for entry in (DEFAULT_ENTRY, SECOND_ENTRY))


class GuestImages(Protocol):
    """Gives the images of guests by the file system of their root, and by how their kernel is packed."""

    def __call__(self, filesystem: str, packing: Packing | None = None) -> "GuestImage":
        """The image, which is made where it is not there; without `packing` its kernel is packed as most are."""
        ...


@dataclass(frozen=True, slots=True)
class GuestImage:
    """The packed image of the witness guest.

    `sha256` is of the packed file, `raw_sha256` and `raw_bytes` of the disk itself, `area_offset`
    is where its partition 2 starts in bytes, `release` the kernel's and `command_line` what the
    guest must find as its own.  `kernel` and `ramdisk` are the files that lie on the disk.
    """

    path: Path
    sha256: str
    raw_sha256: str
    raw_bytes: int
    area_offset: int
    release: str
    command_line: str
    kernel: Path
    ramdisk: Path

    @staticmethod
    def read(folder: Path) -> "GuestImage":
        """The image that `build_guest_image` left in `folder`; raises LabError if it is missing or damaged."""
        try:
            data = json.loads((folder / "guest.json").read_text("utf-8"))
            image = from_plain(GuestImage, data | {name: folder / data[name] for name in ("path", "kernel", "ramdisk")})
            found = hashlib.sha256(image.path.read_bytes()).hexdigest()
        except (OSError, ValueError, TypeError, KeyError, ParseError) as error:
            raise LabError(f"{folder} holds no guest image ({error!r}); build it again") from error
        if found != image.sha256:
            raise LabError(f"{image.path} has sha256 {found}, expected {image.sha256}; build it again")
        return image


def build_guest_image(rootfs: Path, into: Path, filesystem: str = "ext4", packing: Packing = Packing.OWN) -> None:
    """Write the witness guest's disk, kernel and ramdisk, and guest.json, into the folder `into`.

    `rootfs` is an unpacked root tree with /boot/vmlinuz-*, /lib/modules and a static /bin/busybox, or what `parts`
    left of one; `filesystem` is one of FILESYSTEMS.  Raises LabError where the tree lacks one of them, or a program
    fails.
    """
    release = _release(rootfs)
    into.mkdir(parents=True, exist_ok=True)
    kernel, ramdisk = into / "vmlinuz", into / "initramfs.gz"
    kernel.write_bytes(repack((rootfs / f"boot/vmlinuz-{release}").read_bytes(), packing))
    modules = modules_in_order(rootfs / "lib/modules" / release, (*MODULES, filesystem))
    ramdisk.write_bytes(build_initramfs(rootfs / "bin/busybox", modules))
    with tempfile.TemporaryDirectory(dir=into, prefix="guest-") as scratch:
        tree = Path(scratch) / "tree"
        for menu in ("grub", "grub2"):  # Debian's grub.xen looks for the first, SUSE's for the second
            (tree / "boot" / menu).mkdir(parents=True)
            (tree / "boot" / menu / "grub.cfg").write_text(_MENU.replace("@root@", filesystem))
        shutil.copyfile(kernel, tree / "boot/vmlinuz")
        shutil.copyfile(ramdisk, tree / "boot/initramfs.gz")
        raw, area_offset = _disk(filesystem, tree, Path(scratch) / "disk.raw")
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
        command_line=f"{COMMAND_LINE.format(root=filesystem)} {LOADER_MARK}{LOADER}",
        kernel=kernel,
        ramdisk=ramdisk,
    )
    names = {name: getattr(image, name).name for name in ("path", "kernel", "ramdisk")}
    (into / "guest.json").write_text(json.dumps(to_plain(image) | names, indent=1) + "\n", "utf-8")


def keep_parts(rootfs: Path, into: Path) -> None:
    """Copy into `into` what `build_guest_image` needs of the root tree `rootfs`, for all file systems."""
    release = _release(rootfs)
    kept = [f"boot/vmlinuz-{release}", "bin/busybox"]
    folder = rootfs / "lib/modules" / release
    kept += [f"lib/modules/{release}/{name}" for name in ("modules.dep", "modules.builtin")]
    kept += [str(path.relative_to(rootfs)) for path in modules_in_order(folder, (*MODULES, *FILESYSTEMS))]
    for name in kept:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(rootfs / name, into / name)


def _release(rootfs: Path) -> str:
    """The newest kernel of the tree that has its modules with it."""
    kernels = sorted((rootfs / "boot").glob("vmlinuz-*"), key=lambda path: path.stat().st_mtime)
    usable = [name for path in kernels if (rootfs / "lib/modules" / (name := path.name[len("vmlinuz-") :])).is_dir()]
    if not usable:
        raise LabError(
            f"{rootfs} has no /boot/vmlinuz-RELEASE with a /lib/modules/RELEASE; install a kernel package in it"
        )
    return usable[-1]


def _disk(filesystem: str, tree: Path, path: Path) -> tuple[bytes, int]:
    """A disk with `tree` on partition 1 and an empty partition 2, and where partition 2 starts."""
    size = make_filesystem(filesystem, tree, path)
    return _mbr(size) + b"\0" * (MIB - SECTOR) + path.read_bytes() + b"\0" * (AREA_MIB * MIB), MIB + size


def _mbr(size: int) -> bytes:
    def entry(start: int, length: int, kind: int) -> bytes:
        # The CHS fields say "beyond what CHS can address": only the LBA fields count.
        return struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // SECTOR, length // SECTOR)

    table = entry(MIB, size, 0x83) + entry(MIB + size, AREA_MIB * MIB, 0xDA)
    return (BOOT_CODE.ljust(440, b"\0") + b"XPRF" + b"\0\0" + table).ljust(510, b"\0") + b"\x55\xaa"
