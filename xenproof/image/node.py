"""A file of an image: in a folder on this machine or in a file system inside a disk image."""

import stat
from typing import Protocol


class Node(Protocol):
    """One file, directory or link, as its file system describes it; links are never followed here.

    Every method raises SourceError if the file system is damaged, NotEvaluable if it may not be read.
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
        """The type of its file system, such as "ext4"; empty if unknown."""
        ...

    @property
    def volume(self) -> str:
        """An identifier of its file system or btrfs subvolume; empty if unknown."""
        ...

    @property
    def no_cow(self) -> bool:
        """Whether new data are written in place, according to its flag in the file system."""
        ...

    def child(self, name: str) -> "Node | None":
        """The file with that name in the directory, None if there is none or this is not a directory."""
        ...

    def names(self) -> list[str]:
        """The names in a directory, without "." and ".."."""
        ...

    def target(self) -> str:
        """The target of a symbolic link."""
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
