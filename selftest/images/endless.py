"""Images and root directories that are without end, or swell, when they are read: each is small, or full of holes."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

from selftest.images.disks import call, debugfs
from selftest.images.hostile_ext import (
    BLOCK,
    block_of,
    extent_table,
    make_plain_ext,
    patch,
    set_extents,
    set_pointers,
    set_size,
)
from selftest.images.hostile_qcow2 import make_one_table_of_many, make_qcow2
from selftest.images.root import make_root

TEXT = "/etc/logrotate.d/xen"
FOLDER = "/etc/logrotate.d"
_MIB = 1 << 20


def ext(folder: Path, *, extents: bool = True, links: dict[str, str] | None = None) -> Path:
    """The small root directory in an ext4 that can be damaged by hand; a free block lies at its end."""
    root = make_root(folder)
    for name, target in (links or {}).items():
        (root / name).symlink_to(target)
    return make_plain_ext(folder / "disk.img", root, extents=extents)


def free_blocks(image: Path, count: int) -> int:
    """The first of some blocks at the end of an image that nothing uses."""
    return image.stat().st_size // BLOCK - count - 1


def one_table_of_a_million(folder: Path) -> Path:
    """A qcow2 whose first table names one second table a million times."""
    return make_one_table_of_many(folder / "disk.qcow2", 1 << 20)


def four_thousand_million_entries(folder: Path) -> Path:
    """A qcow2 that says that its first table has 2^32 entries, in a file with a hole for them."""
    path = make_qcow2(folder / "disk.qcow2", entries=(1 << 32) - 1)
    with path.open("r+b") as out:
        out.truncate(40 << 30)
    return path


def four_million_tables(folder: Path) -> Path:
    """A qcow2 whose first table is as large as qemu allows, with another second table in each entry."""
    path = make_one_table_of_many(folder / "disk.qcow2", 4 << 20, cluster_bits=9)
    begin = (1 + (32 << 20) // 512) * 512
    with path.open("r+b") as out:
        out.seek(512)
        for at in range(0, 4 << 20, 1 << 16):
            out.write(struct.pack(f">{1 << 16}Q", *(begin + (at + one) * 512 for one in range(1 << 16))))
        out.truncate(begin + (4 << 20) * 512)
    return path


def disk_of_eight_exabytes(folder: Path) -> Path:
    """A qcow2 that says that its disk is as large as a number goes."""
    path = make_one_table_of_many(folder / "disk.qcow2", 1 << 20, cluster_bits=21)
    patch(path, 24, struct.pack(">Q", 1 << 58))
    return path


def disk_without_tables(folder: Path) -> Path:
    """A qcow2 whose first table is far too small for its disk."""
    path = make_qcow2(folder / "disk.qcow2")
    patch(path, 24, struct.pack(">Q", (1 << 63) - 1))
    return path


def extents_that_go_round(folder: Path) -> Path:
    """Five levels of tables whose entries all lead to one table below: 84^5 ways to the end."""
    image = ext(folder)
    first = free_blocks(image, 8)
    for level in range(4, -1, -1):
        rows = [(at, 1 if not level else 0, first + max(level - 1, 0)) for at in range(84)]
        patch(image, (first + level) * BLOCK, extent_table(rows, level))
    set_extents(image, TEXT, [(0, 0, first + 4), (1, 0, first + 4), (2, 0, first + 4)], 5)
    return image


def extents_that_name_themselves(folder: Path) -> Path:
    """A table that is its own entry."""
    image = ext(folder)
    first = free_blocks(image, 8)
    patch(image, first * BLOCK, extent_table([(at, 0, first) for at in range(84)], 1))
    set_extents(image, TEXT, [(0, 0, first)], 1)
    return image


def folder_of_extents_that_go_round(folder: Path) -> Path:
    """The same for a directory, without which nothing in it is found."""
    image = extents_that_go_round(folder)
    set_extents(image, FOLDER, [(at, 0, free_blocks(image, 8) + 4) for at in range(4)], 5)
    return image


def pointers_that_name_themselves(folder: Path) -> Path:
    """A block of pointers to itself, on three levels, in a text that is as large as texts are."""
    image = ext(folder, extents=False)
    first = free_blocks(image, 8)
    patch(image, first * BLOCK, struct.pack("<I", first) * (BLOCK // 4))
    set_pointers(image, TEXT, [first] * 15)
    set_size(image, TEXT, 16 * _MIB)
    return image


def log_of_pointers_that_name_themselves(folder: Path) -> Path:
    """The same in a log of a petabyte, of which the end is read."""
    image = pointers_that_name_themselves(folder)
    set_pointers(image, "/var/log/xen/hotplug.log", [free_blocks(image, 8)] * 15)
    set_size(image, "/var/log/xen/hotplug.log", 1 << 50)
    return image


def folder_of_four_gigabytes(folder: Path) -> Path:
    """A directory that says that it has 4 GiB, most of it a hole."""
    image = ext(folder)
    set_size(image, FOLDER, 4 << 30)
    return image


def folder_of_a_million_names(folder: Path) -> Path:
    """A directory of 16 MiB that is full of names."""
    root = make_root(folder)
    names = bytearray()
    for block in range(16 * _MIB // BLOCK):
        rows = [struct.pack("<IHBB", 12, 12, 4, 1) + f"{at:04x}".encode()[-4:] for at in range(BLOCK // 12)]
        rows[-1] = struct.pack("<IHBB", 12, BLOCK - 12 * (len(rows) - 1), 4, 1) + f"{block:04x}".encode()
        names += b"".join(rows).ljust(BLOCK, b"\0")
    (root / "names").write_bytes(names)
    image = make_plain_ext(folder / "disk.img", root, "64M")
    debugfs(
        image, "set_inode_field /names mode 040755", f"rm {TEXT}", "rm /etc/logrotate.d/xen", "rmdir /etc/logrotate.d"
    )
    debugfs(image, "ln /names /etc/logrotate.d")
    return image


def folders_in_themselves(folder: Path) -> Path:
    """Directories that are in themselves and in one another."""
    image = ext(folder)
    debugfs(
        image,
        f"ln / {FOLDER}/root",
        f"ln {FOLDER} {FOLDER}/self",
        "ln / /etc/default/grub.d/up.cfg",
        "ln /etc /etc/rc2.d/S02e",
    )
    return image


def link_of_gigabytes(folder: Path) -> Path:
    """A link to a path of 8 GiB."""
    image = ext(folder, links={"etc/logrotate.d/link": "x" * 200})
    set_size(image, "/etc/logrotate.d/link", 8 << 30)
    return image


def files_of_eight_exabytes(folder: Path) -> Path:
    """Texts, a log and a list of packages that say that they have 2^63 bytes."""
    image = ext(folder)
    for name in (TEXT, "/var/log/xen/hotplug.log", "/etc/os-release", "/etc/passwd", "/boot/grub/grub.cfg"):
        set_size(image, name, (1 << 63) + 5)
    return image


def packages_of_eight_exabytes(folder: Path) -> Path:
    """A list of packages that says that it has 2^63 bytes."""
    image = ext(folder)
    set_size(image, "/var/lib/dpkg/status", (1 << 63) + 5)
    return image


def blocks_of_a_number_without_end(folder: Path) -> Path:
    """A superblock with blocks of 1024 * 2^(2^32 - 1) bytes."""
    image = ext(folder)
    patch(image, 1024 + 24, struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF))
    return image


def inodes_without_size(folder: Path) -> Path:
    """A superblock with inodes of no bytes."""
    image = ext(folder)
    patch(image, 1024 + 88, struct.pack("<H", 0))
    return image


def entries_without_length(folder: Path) -> Path:
    """A directory whose entry is followed by itself."""
    image = ext(folder)
    patch(image, block_of(image, FOLDER) * BLOCK + 4, struct.pack("<H", 0))
    return image


def sparse_disk(folder: Path) -> Path:
    """A raw disk of many terabytes that is one hole."""
    with (folder / "disk.img").open("wb") as out:
        out.truncate(8 << 40)
    return folder / "disk.img"


def fstab_of_a_million_lines(folder: Path) -> Path:
    """An fstab with more lines than anyone has."""
    root = make_root(folder)
    (root / "etc/fstab").write_text("UUID=1 /a ext4\n" * 1_000_000, "utf-8")
    return make_plain_ext(folder / "disk.img", root, "64M")


def mounts_in_mounts(folder: Path) -> Path:
    """An fstab that puts the same file system into itself, again and again."""
    root = make_root(folder)
    lines = [f"/dev/vda0 /{'a/' * at}etc ext4 defaults 0 0" for at in range(900)]
    (root / "etc/fstab").write_text(
        "\n".join(["LABEL=x / ext4", "LABEL=x /etc ext4", "LABEL=x /usr ext4", *lines]), "utf-8"
    )
    image = make_plain_ext(folder / "disk.img", root)
    call("tune2fs", "-L", "x", str(image))
    return image


def texts_of_empty_lines(folder: Path) -> Path:
    """Many texts of 16 MiB, all of them line ends."""
    return _with_texts(folder, "\n" * (16 * _MIB))


def texts_of_wide_letters(folder: Path) -> Path:
    """Many texts of 16 MiB: one letter makes all others four bytes wide in memory."""
    return _with_texts(folder, ("\U0001f600" + "x" * 60 + "\n").ljust(70, "y") * (16 * _MIB // 80))


def texts_of_no_letters(folder: Path) -> Path:
    """Many texts of bytes that are no letters, each of which becomes one of three bytes."""
    root = make_root(folder)
    for at in range(12):
        (root / f"etc/logrotate.d/many-{at}").write_bytes(b"\xff" * 8_000_000 + b"\n")
    return root


def _with_texts(folder: Path, text: str) -> Path:
    root = make_root(folder)
    for at in range(12):
        (root / f"etc/logrotate.d/many-{at}").write_text(text, "utf-8")
    return root


def unit_of_a_million_words(folder: Path) -> Path:
    """A unit with 8 million names in one line."""
    root = make_root(folder)
    (root / "usr/lib/systemd/system/on.service").write_text(f"[Install]\nAlias={'a ' * (8 * _MIB)}\n", "utf-8")
    return root


def packages_of_nothing(folder: Path) -> Path:
    """A list of packages of empty lines, then of as many packages as there is room for."""
    return _with_status(folder, "\n" * (8 * _MIB) + "Package:a\nStatus:install ok installed\nVersion:1\n\n" * 160_000)


def different_packages(folder: Path) -> Path:
    """A list of packages, each with a name of its own."""
    return _with_status(folder, "".join(f"Package:a{at}\nStatus:install ok installed\n\n" for at in range(350_000)))


def package_of_a_million_lines(folder: Path) -> Path:
    """One package whose files are listed on five million lines."""
    return _with_status(
        folder, "Package: a\nStatus: install ok installed\nVersion: 1\nConffiles:\n" + " x\n" * 5_000_000
    )


def many_lists_of_packages(folder: Path) -> Path:
    """Updates of the list of packages, many and long."""
    root = make_root(folder)
    (root / "var/lib/dpkg/updates").mkdir()
    first = root / "var/lib/dpkg/updates/0000"
    first.write_text(
        "".join(f"Package:a{at}\nStatus:install ok installed\nVersion:{at:0>200}\n\n" for at in range(60_000)), "utf-8"
    )
    for at in range(1, 400):
        (root / f"var/lib/dpkg/updates/{at:04}").hardlink_to(first)
    return root


def _with_status(folder: Path, text: str) -> Path:
    root = make_root(folder)
    (root / "var/lib/dpkg/status").write_text(text, "utf-8")
    return root


def start_links_without_end(folder: Path) -> Path:
    """More start links than a system has scripts."""
    root = make_root(folder)
    for at in range(30_000):
        (root / f"etc/rc2.d/S{at % 100:02}{'x' * 200}{at}").symlink_to("x")
    return root


def menu_without_end(folder: Path) -> Path:
    """A menu of GRUB with as many entries as there may be lines."""
    root = make_root(folder)
    (root / "boot/grub/grub.cfg").write_text("menuentry 'x' {\nlinux /boot/vmlinuz-1 x=1\n}\n" * 99_000, "utf-8")
    return root


def menu_in_menus(folder: Path) -> Path:
    """A menu of GRUB whose entries are in one another."""
    root = make_root(folder)
    (root / "boot/grub/grub.cfg").write_text("submenu 'x' {\n" * 290_000, "utf-8")
    return root


def accounts_without_end(folder: Path) -> Path:
    """More users and groups than there may be lines, and the most that there may be."""
    root = make_root(folder)
    (root / "etc/passwd").write_text("".join(f"user{at}:x:{at}:\n" for at in range(299_000)), "utf-8")
    (root / "etc/group").write_text("g:x:1:\n" * 400_000, "utf-8")
    return root


def kernels_without_end(folder: Path) -> Path:
    """Ten thousand kernels, and a menu that says nothing of them."""
    root = make_root(folder)
    for at in range(10_000):
        (root / f"usr/lib/modules/{at}.{'x' * 200}").mkdir()
    (root / "boot/grub/grub.cfg").write_text("", "utf-8")
    return root


def fstab_of_one_line(folder: Path) -> Path:
    """An fstab with half a million options."""
    root = make_root(folder)
    (root / "etc/fstab").write_text(
        f"UUID=1 /srv ext4 {'a,' * 500_000}\n" + "UUID=1 " + "/a" * 20_000 + " x\n", "utf-8"
    )
    return make_plain_ext(folder / "disk.img", root)


def folders_far_below(folder: Path) -> Path:
    """Links to a folder three hundred levels below, through one another."""
    root = make_root(folder)
    (root / "d").mkdir()
    here, way = os.open(root / "d", os.O_RDONLY), "d/" * 300
    for _ in range(299):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    up = "../" * 300
    for at in range(20):
        (root / f"etc/logrotate.d/far-{at}").symlink_to(f"/{f'{way}{up}' * 2}etc/logrotate.d/far-{at + 1}")
    return root


def leftovers_without_end(folder: Path) -> Path:
    """What xend left over, in many files of one text."""
    root = make_root(folder)
    (first := root / "var/lib/xend/domains/0/config.sxp").parent.mkdir(parents=True)
    first.write_text("(domain\n" * 200_000, "utf-8")
    for at in range(1, 300):
        (root / f"var/lib/xend/domains/{at}").mkdir()
        (root / f"var/lib/xend/domains/{at}/config.sxp").hardlink_to(first)
    return root


# Each image, and what is said of it: in the recording, or as the error.
ENDLESS: dict[Callable[[Path], Path], str] = {
    one_table_of_a_million: "is no disk image",
    four_thousand_million_entries: "its first table has 4294967295 entries, qemu allows 4194304",
    four_million_tables: "has more than 262144 tables of clusters",
    disk_of_eight_exabytes: "is no disk image",
    disk_without_tables: "its disk has 9223372036854775807 bytes, and its first table only 1 entries",
    extents_that_go_round: "/etc/logrotate.d/xen is damaged or cut off: ValueError: an? ",
    extents_that_name_themselves: "/etc/logrotate.d/xen is damaged or cut off: ValueError: a table of extents",
    folder_of_extents_that_go_round: "/etc/logrotate.d is damaged or cut off: ValueError: an? ",
    pointers_that_name_themselves: "unknown /etc/logrotate.d/xen",
    log_of_pointers_that_name_themselves: "unknown /etc/logrotate.d/xen",
    folder_of_four_gigabytes: "/etc/logrotate.d is a directory of 4294967296 bytes, more than the 16777216 that are",
    folder_of_a_million_names: "/etc/logrotate.d has more than 200000 names",
    folders_in_themselves: "autoballoon",
    link_of_gigabytes: "/etc/logrotate.d/link is damaged: a link to a path of 8589934592 bytes, at most 4095 are",
    files_of_eight_exabytes: "/boot/grub/grub.cfg has 9223372036854775813 bytes, more than the 16777216 that are read",
    packages_of_eight_exabytes: "/var/lib/dpkg/status has 9223372036854775813 bytes, more than the 16777216",
    blocks_of_a_number_without_end: r"is damaged or cut off: ValueError: blocks of 1024 \* 2\^4294967295 bytes",
    inodes_without_size: "inodes of 0",
    entries_without_length: "/etc/logrotate.d is damaged: an entry of 0 bytes",
    sparse_disk: "is no disk image",
    fstab_of_a_million_lines: "/etc/fstab has 15000000 bytes, more than the 1048576 that are read of such a text",
    mounts_in_mounts: "/etc is on /dev/vda0",
    texts_of_empty_lines: "has 16777216 lines, more than the 300000 that are read of a text",
    texts_of_wide_letters: "more text than is left of 8388608 bytes for all texts",
    texts_of_no_letters: "more text than is left of 8388608 bytes for all texts",
    unit_of_a_million_words: "on.service has 16777233 bytes, more than the 1048576 that are read of such a text",
    packages_of_nothing: "/var/lib/dpkg/status tells of more than the 100000 packages that are read",
    different_packages: "/var/lib/dpkg/status tells of more than the 100000 packages that are read",
    package_of_a_million_lines: "/var/lib/dpkg/status has a package of more than the 300000 lines that are read",
    many_lists_of_packages: "/var/lib/dpkg/status tells of more than the 100000 packages that are read, or at length",
    start_links_without_end: "there are more than 20000 files /etc/rc",
    menu_without_end: "autoballoon",
    menu_in_menus: "autoballoon",
    accounts_without_end: "autoballoon",
    kernels_without_end: "the image does not tell which kernel it boots",
    fstab_of_one_line: "autoballoon",
    folders_far_below: "leads over more than 1000 directories and links",
    leftovers_without_end: "the configurations of managed domains make more than the 8388608 letters that are kept",
}
