"""Material for guest images without the lab's kernel: the host's own kernel, or that of a root tree of the user."""

import io
import re
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import LabError, ParseError
from xenproof.guest.image.filesystem import FILESYSTEMS
from xenproof.guest.image.initramfs import MODULES, modules_in_order
from xenproof.guest.image.packed_kernel import Packing
from xenproof.plain import first_lines
from xenproof.source.connection import Connection, quoted

_RELEASE = re.compile(r"[A-Za-z0-9._+~-]{1,100}\n?\Z")
_MAX_BYTES = 256 << 20
_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Material:
    """Material for images: `parts` is a root tree with a kernel, its modules and busybox; images go to `folder`."""

    folder: Path
    parts: Path

    @property
    def packing(self) -> Packing:
        """The kernel's own packing: a kernel that the user chose is tested unchanged."""
        return Packing.OWN


def of_tree(tree: Path, folder: Path) -> Material:
    """A root tree of the user with /boot/vmlinuz-*, /lib/modules and a static /bin/busybox; images go to `folder`.

    Raises LabError where it is no folder.
    """
    if not tree.is_dir():
        raise LabError(f"{tree} is no folder; expected a root tree with boot/vmlinuz-RELEASE and lib/modules/RELEASE")
    if not (tree / "bin/busybox").is_file():
        raise LabError(f"{tree} has no bin/busybox; put a static one there (package busybox-static)")
    return Material(folder, tree)


def of_host(dom0: Connection, busybox: Path, folder: Path) -> Material:
    """The kernel that dom0 itself runs, fetched into `folder`, with `busybox`, a static one of this machine.

    Raises LabError where dom0 lacks the file of that kernel, or a module that guests need.
    """
    release = _release(dom0)
    parts, modules = folder / "parts", f"lib/modules/{release}"
    if not parts.is_dir():
        work = folder / "parts.building"
        shutil.rmtree(work, ignore_errors=True)
        lists = [f"{modules}/{name}" for name in ("modules.dep", "modules.builtin")]
        _fetch(dom0, [f"boot/vmlinuz-{release}", *lists], work)
        _fetch(dom0, sorted(_modules(work, modules)), work)
        (work / "bin").mkdir()
        shutil.copyfile(busybox, work / "bin/busybox")
        work.rename(parts)
    return Material(folder, parts)


def static_busybox() -> Path:
    """The busybox of this machine; raises LabError where there is none, or it needs shared libraries."""
    found = shutil.which("busybox")
    # The first bytes of a dynamically linked program name its loader.
    if found is None or re.search(rb"/lib(64)?/ld-", Path(found).read_bytes()[:4096]):
        raise LabError(
            f"guests need a static busybox of this machine, found {found or 'none'}; install the package busybox-static"
        )
    return Path(found)


def _release(dom0: Connection) -> str:
    release = dom0.run("uname -r").check().text
    if not _RELEASE.match(release):
        raise ParseError(f"uname -r on {dom0.url} printed {release[:100]!r}, expected the release of a kernel")
    return release.strip()


def _modules(work: Path, modules: str) -> set[str]:
    """The paths of all modules that guests need, for each file system that this kernel has."""
    found: set[str] = set()
    problems: list[str] = []
    for filesystem in FILESYSTEMS:
        try:
            paths = modules_in_order(work / modules, (*MODULES, filesystem))
        except LabError as error:
            problems.append(str(error))
        else:
            found |= {str(path.relative_to(work)) for path in paths}
    if len(problems) == len(FILESYSTEMS):
        raise LabError(f"the host's own kernel cannot be that of a guest: {problems[0]}")
    return found


def _fetch(dom0: Connection, paths: Iterable[str], into: Path) -> None:
    """Copy files of the host, by their paths without the first slash, into the folder `into`."""
    names = list(paths)
    if not names:
        return
    done = dom0.run(quoted("tar", "-C", "/", "-chf", "-", *names), limit_s=_LIMIT_S, max_bytes=_MAX_BYTES)
    if done.exit_code:
        raise LabError(
            f"{dom0.url} does not give the files of its kernel: {first_lines(done.error_text, 300)!r}; give a tree by "
            "--guest-kernel FOLDER"
        )
    try:
        # Not compressed, so that no file is bigger than the archive.
        with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as archive:
            members = {member.name: member for member in archive.getmembers()}
            # The archive's content is up to the host: only the requested files are taken, by their names.
            for name in names:
                member = members.get(name)
                if member is None or not member.isreg() or member.issparse():
                    raise LabError(f"/{name} of {dom0.url} is no file")
                content = archive.extractfile(member)
                (into / name).parent.mkdir(parents=True, exist_ok=True)
                (into / name).write_bytes(content.read() if content else b"")
    except tarfile.TarError as error:
        raise LabError(f"what tar on {dom0.url} printed is no archive: {error}") from error
