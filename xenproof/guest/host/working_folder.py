"""The working folder of a run on a host, with the files of its guests; a keeper on the host removes it."""

import contextlib
import gzip
import hashlib
import os
import time
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

from xenproof.errors import CommandFailed, GuestError, SourceError
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.shared_table import SharedTable, is_alive
from xenproof.guest.image.guest_image import GuestImage
from xenproof.plain import first_lines
from xenproof.source.connection import Connection, Stream, quoted

IMAGES = "/var/lib/xen/images"
"""The directory for guests' disks where a profile names no other."""

_KEEPER = (files("xenproof.guest.host") / "keeper.sh").read_text("utf-8")
_KEPT = "kept"  # keeper.sh looks for it
_START_LIMIT_S = 60.0
_WAIT_LIMIT_S = 110.0  # less than another worker waits for the table
_SWEEP_LIMIT_S = 180.0
_SEND_LIMIT_S = 300.0


class WorkingFolder:
    """A folder below the host's image directory that all workers of a run share.

    The first worker that enters it makes it.  Each worker has a keeper of it on the host (keeper.sh); the last keeper
    whose worker leaves, dies or loses its connection removes the folder with all guests of the run.
    """

    def __init__(self, dom0: Connection, run: RunIdentity, images: str = IMAGES) -> None:
        self._dom0, self._run, self._images = dom0, run, images
        self._shared = SharedTable(run.folder, dom0.url, "folder")
        self._held = ExitStack()
        self._keeper: Stream | None = None
        self.path = ""
        self._has_left = False
        self._there: set[str] = set()
        self.entries = 0
        """How often it was entered: more than once where the host was rebooted or the connection broke."""

    def enter(self) -> None:
        """Make sure that the folder and its keeper exist; raises CommandFailed where it cannot be made.

        Where the keeper ended, by a reboot or a broken connection, the folder is entered again.
        """
        if self._keeper is not None and _is_there(self._keeper):
            return
        self._leave_lost()
        with self._shared.held() as table:
            users = table.setdefault("users", {})
            known = table.get("place", {}).get("path", "")
            words = {
                "run": self._run.id, "images": self._images, "folder": known,
                "abandoned": "" if any(is_alive(user) for user in users) else known,
            }  # fmt: skip
            variables = "".join(f"{name}={quoted(word)}\n" for name, word in words.items())
            keeper = self._held.enter_context(self._dom0.follow(variables + _KEEPER, keep_stdin=True))
            # Where the run was on this host before, its keepers may have much to remove first.
            path = _first_line(keeper, _WAIT_LIMIT_S if known else _START_LIMIT_S)
            if not (path.startswith("/") and path.rpartition("/")[2] == self._run.prefix):
                self._held.close()
                raise CommandFailed(
                    f"the working folder on {self._dom0.url} below {self._images} is {path!r}, expected "
                    f".../{self._run.prefix}; see whether root can make a folder there and whether flock (package "
                    "util-linux) is installed"
                )
            table["place"] = {"path": path}
            users[str(os.getpid())] = "1"
            self._keeper, self.path = keeper, path
            self._there.clear()
            self.entries += 1

    def _leave_lost(self) -> None:
        self._keeper = None
        with contextlib.suppress(SourceError):
            self._held.close()

    def keep(self) -> None:
        """Mark the folder to be kept, with its content, when the run ends."""
        self._dom0.run(f": >{quoted(self.path)}/{_KEPT}").check()

    def leave(self) -> None:
        """End the keeper; the last one removes the folder.  Raises GuestError where something of the run is left."""
        if not self.entries or self._has_left:
            return
        self._has_left = True
        self.enter()
        assert self._keeper is not None  # noqa: S101  # it has entered
        keeper, self._keeper = self._keeper, None
        with self._held, self._shared.held() as table:
            users = table.get("users", {})
            users.pop(str(os.getpid()), None)
            keeper.end_stdin()
            left = _all_lines(keeper, _SWEEP_LIMIT_S)
            if not left and not any(is_alive(user) for user in users) and self._is_left_behind():
                left = [f"folder {self.path}, which a connection of this run that broke may still hold"]
            if left:
                raise GuestError(f"still on {self._dom0.url} after the run: {', '.join(left)}; remove it by hand")

    def _is_left_behind(self) -> bool:
        """Whether the folder still exists, and is not marked to be kept."""
        path = quoted(self.path)
        return self._dom0.run(f"[ -e {path} ] && [ ! -e {path}/{_KEPT} ]").exit_code == 0

    def put(self, file: Path) -> str:
        """The path of a copy of `file` on the host, named by its content and sent once in each run.

        Raises CommandFailed where it arrives incomplete.
        """
        content = file.read_bytes()
        return self._have(file.name, hashlib.sha256(content).hexdigest(), "cat", content)

    def put_disk(self, image: GuestImage) -> str:
        """The path of `image`'s disk on the host, unpacked; as `put`."""
        return self._have("witness", image.raw_sha256, "gzip -dc", image.path.read_bytes())

    def cut(self, image: GuestImage, file: Path) -> str:
        """As `put`; where the content of `file` is one piece of `image`'s disk, it is cut from the disk on the host."""
        content = file.read_bytes()
        begin = gzip.decompress(image.path.read_bytes()).find(content)
        if begin < 0:
            return self.put(file)
        piece = f"tail -c +{begin + 1} {quoted(self.put_disk(image))} | head -c {len(content)}"
        return self._have(file.name, hashlib.sha256(content).hexdigest(), piece)

    def _have(self, name: str, wanted: str, source: str, stdin: bytes = b"") -> str:
        """The path of a file with the sha256 `wanted`; a missing one is made from the output of the command `source`.

        While one worker makes it, only workers that need the same file wait.
        """
        self.enter()
        name = f"{name}-{wanted[:16]}"
        path = f"{self.path}/{name}"
        if name not in self._there:
            with SharedTable(self._run.folder, self._dom0.url, f"sent-{name}").held(_SEND_LIMIT_S + 60):
                _receive(self._dom0, path, wanted, source, stdin)
            self._there.add(name)
        return path


def _receive(dom0: Connection, path: str, wanted: str, source: str, stdin: bytes) -> None:
    """Make the file `path` on the host, if it is missing, from the output of the shell command `source`.

    Raises CommandFailed where its sha256 is not `wanted`.
    """
    if dom0.run(f"[ -e {quoted(path)} ]").exit_code == 0:
        return
    part = quoted(f"{path}.part")
    script = f"{{ {source}; }} >{part} && fallocate -d {part} 2>/dev/null; sha256sum {part}"
    done = dom0.run(script, stdin=stdin, limit_s=_SEND_LIMIT_S).check()
    if (found := done.text.partition(" ")[0]) != wanted:
        printed = first_lines(done.error_text, 300) or "try again"
        raise CommandFailed(
            f"{path} on {dom0.url} has sha256 {found!r}, expected {wanted}: it did not arrive whole; {printed}"
        )
    dom0.run(f"mv {part} {quoted(path)}").check()


def _is_there(keeper: Stream) -> bool:
    try:
        return keeper.read(0.0) is not None
    except SourceError:
        return False


def _first_line(keeper: Stream, limit_s: float) -> str:
    """The first line that the keeper prints, or the part of it that arrives within the limit."""
    printed, deadline = b"", time.monotonic() + limit_s
    while b"\n" not in printed and (left := deadline - time.monotonic()) > 0:
        if (chunk := keeper.read(left)) is None:
            break
        printed += chunk
    return printed.decode("utf-8", "replace").partition("\n")[0]


def _all_lines(keeper: Stream, limit_s: float) -> list[str]:
    """The lines that the keeper prints until it ends; where it does not end in time, the last line says so."""
    printed, deadline = b"", time.monotonic() + limit_s
    while (chunk := keeper.read(max(0.0, deadline - time.monotonic()))) is not None:
        printed += chunk
        if time.monotonic() > deadline:
            printed += f"the keeper of the folder, which did not end within {limit_s:.0f} s".encode()
            break
    return printed.decode("utf-8", "replace").splitlines()
