"""The image's /etc/fstab: the file systems and their mount points."""

import posixpath
import re
from dataclasses import dataclass

from xenproof.errors import NotEvaluable
from xenproof.image.tree import MOST_WORDY_BYTES, Tree

FSTAB = "/etc/fstab"
_MOST_ENTRIES = 1000
# \040 stands for a blank in a path.
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the device's name in it, the mount point, the type and the options."""

    device: str
    path: str
    type: str
    options: tuple[str, ...]

    def option(self, name: str) -> str:
        """The value of an option such as subvol=@/home, empty without it."""
        return next((word.partition("=")[2] for word in self.options if word.startswith(f"{name}=")), "")


def read_fstab(tree: Tree) -> list[Entry]:
    """The entries with a mount point in the tree, in the order of the file; none without the file.

    Raises NotEvaluable if they are unknown.
    """
    found: list[Entry] = []
    for line in tree.lines(FSTAB, MOST_WORDY_BYTES) or ():
        # UUID=7f2e / ext4 errors=remount-ro 0 1
        words = [_ESCAPED.sub(lambda code: chr(int(code[1], 8)), word) for word in line.partition("#")[0].split()]
        if len(words) >= 3 and words[1].startswith("/"):
            options = tuple(words[3].split(",")) if len(words) > 3 else ()
            if len(found) >= _MOST_ENTRIES:
                raise NotEvaluable(f"{FSTAB} has more than {_MOST_ENTRIES} entries")
            found.append(Entry(words[0], posixpath.normpath(words[1]), words[2], options))
    return found


def declared_filesystem(tree: Tree, path: str) -> str:
    """The type of the file system that fstab mounts on a path, empty if there is none."""
    below = [entry for entry in read_fstab(tree) if entry.path == "/" or f"{path}/".startswith(f"{entry.path}/")]
    return max(below, key=lambda entry: len(entry.path)).type if below else ""
