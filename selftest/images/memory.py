"""Files in memory, with whatever owners a test wants: nobody has to be root for them."""

import stat
from dataclasses import dataclass, field

from xenproof.image.node import Node


@dataclass
class MemoryNode:
    """A file, a directory or a link."""

    mode: int
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    children: dict[str, "MemoryNode"] = field(default_factory=dict)
    filesystem: str = "ext4"
    volume: str = "memory"
    no_cow: bool = False

    @property
    def size(self) -> int:
        """The length of what it holds."""
        return len(self.content)

    def child(self, name: str) -> Node | None:
        """What the directory has under the name."""
        return self.children.get(name)

    def names(self) -> list[str]:
        """The names in the directory."""
        return list(self.children)

    def target(self) -> str:
        """Where the link points to."""
        return self.content.decode()

    def read(self, start: int, length: int) -> bytes:
        """The bytes of the file."""
        return self.content[start : start + length]


def directory(mode: int = 0o755, uid: int = 0, gid: int = 0) -> MemoryNode:
    """An empty directory."""
    return MemoryNode(stat.S_IFDIR | mode, uid, gid)


def file(text: str | bytes, mode: int = 0o644, uid: int = 0, gid: int = 0) -> MemoryNode:
    """A regular file."""
    return MemoryNode(stat.S_IFREG | mode, uid, gid, text.encode() if isinstance(text, str) else text)


def link(target: str) -> MemoryNode:
    """A symbolic link."""
    return MemoryNode(stat.S_IFLNK | 0o777, content=target.encode())


def put(root: MemoryNode, path: str, node: MemoryNode) -> None:
    """Put a file at a path; directories on the way are made."""
    *folders, last = path.strip("/").split("/")
    for name in folders:
        root = root.children.setdefault(name, directory())
    root.children[last] = node
