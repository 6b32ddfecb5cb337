"""The image of a lab host: built once per recipe, completely or not at all."""

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from xenproof.errors import LabError
from xenproof.guest.image.guest_image import keep_parts
from xenproof.guest.image.packed_kernel import Packing
from xenproof.lab import rootfs
from xenproof.lab.accel import Accelerator
from xenproof.lab.child import run, scrap, tail
from xenproof.lab.machine import finishing_command
from xenproof.lab.recipe import Recipe
from xenproof.run.cache import GIB, cache_folder, made, require_space
from xenproof.run.progress import Progress

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
    def host_keys(self) -> Path:
        """The host's public keys, one per line, as in a known_hosts file without the host's name."""
        return self.folder / "host_keys"

    @property
    def parts(self) -> Path:
        """The folder with the kernel, modules and busybox for guests' images."""
        return self.folder / "parts"

    @property
    def packing(self) -> Packing:
        """GRUB unpacks gzip in half the time of xz: docs/decisions/0031 has the figures."""
        return Packing.GZIP


def image_folder(recipe: Recipe) -> Path:
    """The folder of the image of `recipe`, which may not be built yet."""
    return cache_folder() / "images" / f"{recipe.release}-{recipe.digest}"


def ensure_image(recipe: Recipe, accelerator: Accelerator, progress: Progress) -> Image:
    """The image of `recipe`, built if it does not exist; raises LabError if that fails.

    Two runs that need the same image build it once.  An interrupted build leaves a folder with
    another name, which is never used and is removed here.
    """
    final = image_folder(recipe)
    image = Image(final)
    if final.is_dir():
        return image
    parent = made(final.parent)
    with FileLock(parent / f"{final.name}.lock"):
        if final.is_dir():
            return image
        work = parent / f"{final.name}.building"
        scrap(work)
        require_space(parent, BUILD_GIB, f"building the lab image {recipe.release}")
        try:
            _build_in(work, recipe, accelerator, progress)
            work.rename(final)
        except (OSError, LabError) as error:
            _tidy(work, parent / f"{final.name}.log")
            raise LabError(f"building the lab image {recipe.release} failed{_too_full(parent)}: {error}") from error
        except BaseException:
            _tidy(work, parent / f"{final.name}.log")
            raise
    return image


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


def _build_in(work: Path, recipe: Recipe, accelerator: Accelerator, progress: Progress) -> None:
    image = Image(made(work))
    log = image.folder / "build.log"
    log.touch()
    with progress.phase(f"installing {recipe.title}", 95):
        tree = rootfs.install(recipe, image.folder, log)
        rootfs.configure(recipe, tree, image.folder)
    with progress.phase(f"making the disk of {recipe.release}", 10):
        keep_parts(tree.folder, image.parts)
        rootfs.make_disk(recipe, tree, image.disk)
    with progress.phase(f"letting Debian install its boot loader on the disk of {recipe.release}", 40):
        _finish(accelerator, image, tree.folder / "boot", log)
    rootfs.remove(tree)
    shutil.rmtree(image.folder / "early", ignore_errors=True)


def _finish(accelerator: Accelerator, image: Image, boot: Path, log: Path) -> None:
    serial = image.folder / "finish.log"
    run(
        finishing_command(accelerator, image.disk, boot, serial),
        log=log, purpose="the finishing boot", limit_s=600,
    )  # fmt: skip
    printed = serial.read_text("utf-8", "replace")
    if "xenproof-finish done" not in printed:
        raise LabError(f"the finishing boot did not install the boot loader; {tail(serial, 40)}")
