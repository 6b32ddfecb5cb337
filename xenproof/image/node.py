"""A file of an image, whatever holds it: a folder on this machine or a file system inside of a disk image."""

import stat
from typing import Protocol


class Node(Protocol):
    """One file, directory or link, as its file system describes it; links are never followed here.

    Every method raises SourceError where the file system is damaged, NotEvaluable where it may not be read.
    """

    @property
    def mode(self) -> int:
        """Type and permissions, as in `st_mode`."""
        ...

    @property
    def uid(self) -> int:
        """The number of its owner."""
        ...

    @property
    def gid(self) -> int:
        """The number of its group."""
        ...

    @property
    def size(self) -> int:
        """Its size in bytes."""
        ...

    @property
    def filesystem(self) -> str:
        """The type of its file system, such as "ext4"; empty where nothing tells."""
        ...

    @property
    def volume(self) -> str:
        """What tells its file system or btrfs subvolume from others; empty where nothing does."""
        ...

    @property
    def no_cow(self) -> bool:
        """Whether new data are written in place, by the flag of its file system."""
        ...

    def child(self, name: str) -> "Node | None":
        """What a directory has under the name, None if nothing; a file that is no directory has nothing."""
        ...

    def names(self) -> list[str]:
        """The names in a directory, without "." and ".."."""
        ...

    def target(self) -> str:
        """Where a symbolic link points to."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """The bytes of a regular file from `start` on, `length` of them or fewer at its end."""
        ...


def is_directory(node: Node) -> bool:
    """Whether it is a directory."""
    return stat.S_ISDIR(node.mode)


def is_file(node: Node) -> bool:
    """Whether it is a regular file."""
    return stat.S_ISREG(node.mode)


def is_link(node: Node) -> bool:
    """Whether it is a symbolic link."""
    return stat.S_ISLNK(node.mode)
