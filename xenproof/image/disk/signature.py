"""The content of a part of a disk, by the signatures that file systems and other formats have at their beginning."""

# The number of bytes that contain all signatures.
HEAD_BYTES = 0x10100

EXT, XFS, BTRFS = "ext", "xfs", "btrfs"
READABLE = (EXT, XFS, BTRFS)

# Position, mark, meaning.  The order matters: a container comes before what may remain from former use.
_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"LUKS\xba\xbe", "LUKS (encrypted)"),
    (0x1000, b"\xfc\x4e\x2b\xa9", "a part of a Linux RAID"),
    (0, b"\xfc\x4e\x2b\xa9", "a part of a Linux RAID"),
    *((sector * 512, b"LABELONE", "LVM") for sector in range(4)),
    (0x10040, b"_BHRfS_M", BTRFS),
    (0x438, b"\x53\xef", EXT),
    (0, b"XFSB", XFS),
    (4086, b"SWAPSPACE2", "swap"),
    (4086, b"SWAP-SPACE", "swap"),
    (0, b"hsqs", "squashfs"),
    (0x400, b"\xe2\xe1\xf5\xe0", "erofs"),
    (0x400, b"\x10\x20\xf5\xf2", "f2fs"),
    (0x10034, b"ReIsEr", "reiserfs"),
    (0x8000, b"JFS1", "jfs"),
    (0x8001, b"CD001", "iso9660"),
    (3, b"NTFS    ", "ntfs"),
    (82, b"FAT32", "vfat"),
    (54, b"FAT1", "vfat"),
)


def signature(head: bytes) -> str:
    """The format that begins with `head`, such as "ext"; empty if no mark is known."""
    return next((kind for at, mark, kind in _MARKS if head[at : at + len(mark)] == mark), "")
