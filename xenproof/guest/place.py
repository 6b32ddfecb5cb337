"""The folder on a host that holds the guests of one run, with the witness image in it."""

import os
from pathlib import Path

from xenproof.errors import CommandFailed, GuestError
from xenproof.guest.image import GuestImage
from xenproof.guest.shared import Shared, is_alive
from xenproof.source.connection import Connection, quoted

IMAGES = "/var/lib/xen/images"
"""Where guests' disks are kept where a profile names no other directory."""


class HostFolder:
    """A folder below the host's image directory that all workers of a run share.

    The first that asks for it makes it, the last that leaves it removes it.
    """

    def __init__(self, dom0: Connection, run_folder: Path, images: str = IMAGES) -> None:
        self._dom0 = dom0
        self._images = images
        self._shared = Shared(run_folder, dom0.url, "folder")
        self.path = ""
        self.run = ""

    def enter(self) -> None:
        """Make sure that the folder is there; raises CommandFailed where it cannot be made."""
        with self._shared.held() as table:
            place = table.setdefault("place", {})
            if not place.get("path"):
                # The nearest directory above that exists: nothing stays behind but what was there before.
                find = f'd={quoted(self._images)}; while [ ! -d "$d" ]; do d=${{d%/*}}; [ "$d" ] || d=/; done; '
                done = self._dom0.run(find + 'mktemp -d -p "$d" xenproof-XXXXXXXX').check()
                place["path"] = done.text.strip()
                place["run"] = place["path"].rpartition("-")[2]
            table.setdefault("users", {})[str(os.getpid())] = "1"
            self.path, self.run = place["path"], place["run"]

    def new_name(self) -> str:
        """A name for a guest that no other guest of any run has."""
        with self._shared.held() as table:
            row = table.setdefault("names", {})
            row["last"] = str(int(row.get("last", "0")) + 1)
            return f"xenproof-{self.run}-{row['last']}"

    def leave(self) -> None:
        """Remove the folder, if no other worker is in it; raises GuestError where something of it stays."""
        with self._shared.held() as table:
            users = table.get("users", {})
            users.pop(str(os.getpid()), None)
            if any(is_alive(user) for user in users) or not table.get("place"):
                return
            path = table.pop("place")["path"]
            if not path.rpartition("/")[2].startswith("xenproof-"):
                raise GuestError(f"the work folder on {self._dom0.url} is {path!r}, expected .../xenproof-RUN")
            self._dom0.run(quoted("rm", "-rf", "--", path))
            if self._dom0.run(f"[ ! -e {quoted(path)} ]").exit_code:
                raise GuestError(f"{path} is still on {self._dom0.url} after rm; remove it by hand")

    def place(self, image: GuestImage) -> str:
        """The path of `image`'s disk on the host, sent there once for each run; see `place`."""
        with self._shared.held():
            return place(self._dom0, image, self.path)


def place(dom0: Connection, image: GuestImage, folder: str) -> str:
    """Unpack `image` into `folder` on the host, unless it is there already, and return its path there.

    The file is named after its content.  Raises CommandFailed where it does not arrive whole.
    """
    path = f"{folder}/witness-{image.raw_sha256[:16]}.raw"
    if dom0.run(f"[ -e {quoted(path)} ]").exit_code == 0:
        return path
    part = quoted(f"{path}.part")
    script = f"gzip -dc >{part} && fallocate -d {part} 2>/dev/null; sha256sum {part}"
    done = dom0.run(script, stdin=image.path.read_bytes(), limit_s=300).check()
    if (found := done.text.partition(" ")[0]) != image.raw_sha256:
        raise CommandFailed(
            f"{path} on {dom0.url} has sha256 {found!r}, expected {image.raw_sha256}: it did not arrive whole"
        )
    dom0.run(f"mv {part} {quoted(path)}").check()
    return path
