"""The image of a lab host: built once for a recipe and a state of the archive, completely or not at all."""

import contextlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from xenproof.errors import LabError
from xenproof.guest.image.guest_image import keep_parts
from xenproof.guest.image.packed_kernel import Packing
from xenproof.lab import rootfs
from xenproof.lab.accel import Accelerator
from xenproof.lab.child import run, scrap, tail
from xenproof.lab.machine import finishing_command
from xenproof.lab.provenance import Provenance
from xenproof.lab.recipe import Recipe
from xenproof.lab.ssh_keys import public_half
from xenproof.run.cache import GIB, cache_folder, made, require_space
from xenproof.run.progress import Progress

_UNFINISHED = ".building"
BUILD_GIB = 4.5  # the archive, the tree and the disk, which exist at the same time


@dataclass(frozen=True, slots=True)
class Image:
    """A finished image: a raw disk that is never written to, keys, and the material for guests' images."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The raw disk, with Debian's own GRUB and grub.cfg on it."""
        return self.folder / "disk.raw"

    @property
    def key(self) -> Path:
        """The private key that logs in as root."""
        return self.folder / "id_ed25519"

    @property
    def public_key(self) -> str:
        """The public half of `key`; raises LabError where that cannot be read."""
        try:
            return public_half(self.key.read_bytes())
        except (OSError, ValueError) as error:
            raise LabError(f"{self.key} is no private key that opens: {error}") from error

    @property
    def host_keys(self) -> Path:
        """The host's public keys, one per line, as in a known_hosts file without the host's name."""
        return self.folder / "host_keys"

    @property
    def provenance(self) -> Provenance:
        """What it was built from; raises LabError where the file is missing or broken."""
        return Provenance.read(self.folder / "provenance.json")

    @property
    def origin(self) -> str:
        """What it was built from, for the report; raises LabError as `provenance` does."""
        return self.provenance.summary

    @property
    def parts(self) -> Path:
        """The folder with the kernel, modules and busybox for guests' images."""
        return self.folder / "parts"

    @property
    def packing(self) -> Packing:
        """GRUB unpacks gzip in half the time of xz: docs/decisions/0031 has the figures."""
        return Packing.GZIP


def images(recipe: Recipe) -> list[Image]:
    """The finished images of `recipe`, the newest first; none where none was built yet.

    Raises LabError for one that does not say what it was built from.
    """
    found = [Image(folder) for folder in _parent().glob(f"{_stem(recipe)}-????????") if folder.is_dir()]
    return sorted(found, key=lambda image: image.provenance.built, reverse=True)


def all_folders() -> list[Path]:
    """The folders of all finished images, those of older recipes, too."""
    return sorted(path for path in _parent().glob("*-*") if path.is_dir() and path.suffix != _UNFINISHED)


def ensure_image(
    recipe: Recipe, accelerator: Accelerator, progress: Progress, *, fresh: bool = False, allow_expired: bool = False
) -> Image:
    """The newest image of `recipe`, built if there is none or if it is to be `fresh`; raises LabError if that fails.

    Two runs that need the same image build it once.  An interrupted build leaves a folder with
    another name, which is never used and is removed here.
    """
    if not fresh and (known := images(recipe)):
        return known[0]
    parent, stem = made(_parent()), _stem(recipe)
    begun = datetime.now(UTC).replace(microsecond=0)
    with FileLock(parent / f"{stem}.lock"):
        # Another run may have built it while this one waited.
        if (known := images(recipe)) and (not fresh or known[0].provenance.built >= begun):
            return known[0]
        work = parent / f"{stem}{_UNFINISHED}"
        scrap(work)
        require_space(parent, BUILD_GIB, f"building the lab image {recipe.release}")
        try:
            _build_in(work, recipe, accelerator, progress, allow_expired=allow_expired)
            return _finished(work, parent / f"{stem}-{Image(work).provenance.identity}")
        except (OSError, LabError) as error:
            _tidy(work, parent / f"{stem}.log")
            raise LabError(f"building the lab image {recipe.release} failed{_too_full(parent)}: {error}") from error
        except BaseException:
            _tidy(work, parent / f"{stem}.log")
            raise


def _parent() -> Path:
    return cache_folder() / "images"


def _stem(recipe: Recipe) -> str:
    return f"{recipe.release.replace('@', '-')}-{recipe.digest}"


def _finished(work: Path, final: Path) -> Image:
    """The image in `work` under its final name; where one of the same packages is there, that one, as new as this."""
    if final.is_dir():
        # A host that runs, and a saved one, are on the disk of that image.
        new = final / "provenance.json.new"
        Image(work).provenance.write(new)
        new.replace(final / "provenance.json")
        scrap(work)
    else:
        work.rename(final)
    return Image(final)


def _tidy(work: Path, log: Path) -> None:
    """Remove a failed build, except for its log."""
    if (work / "build.log").is_file():
        (work / "build.log").replace(log)
    # The error of the build must not be replaced by one of the removal, which the next build tries again.
    with contextlib.suppress(LabError):
        scrap(work)


def _too_full(folder: Path) -> str:
    # Programs report a full disk in many ways or not at all, so the free space is measured.
    free = shutil.disk_usage(folder).free / GIB
    if free >= BUILD_GIB:
        return ""
    return (
        f", as the disk has filled: found {free:.1f} GiB free in {folder}, expected {BUILD_GIB} GiB; "
        "free some space, or set XENPROOF_CACHE to a folder on another disk; what failed first"
    )


def _build_in(work: Path, recipe: Recipe, accelerator: Accelerator, progress: Progress, *, allow_expired: bool) -> None:
    image = Image(made(work))
    log = image.folder / "build.log"
    log.touch()
    with progress.phase(f"installing {recipe.title}", 95):
        tree, provenance = rootfs.install(recipe, image.folder, log, allow_expired=allow_expired)
        provenance.write(image.folder / "provenance.json")
        rootfs.configure(recipe, tree, image.folder)
    with progress.phase(f"making the disk of {recipe.release}", 10):
        keep_parts(tree.folder, image.parts)
        rootfs.make_disk(recipe, tree, image.disk)
    with progress.phase(f"letting Debian install its boot loader on the disk of {recipe.release}", 40):
        _finish(accelerator, image, tree.folder / "boot", log)
    rootfs.remove(tree)
    for folder in ("early", "used"):
        shutil.rmtree(image.folder / folder, ignore_errors=True)


def _finish(accelerator: Accelerator, image: Image, boot: Path, log: Path) -> None:
    serial = image.folder / "finish.log"
    run(
        finishing_command(accelerator, image.disk, boot, serial),
        log=log, purpose="the finishing boot", limit_s=600,
    )  # fmt: skip
    printed = serial.read_text("utf-8", "replace")
    if "xenproof-finish done" not in printed:
        raise LabError(f"the finishing boot did not install the boot loader; {tail(serial, 40)}")
