"""What the images of guests are made of, as the user wants it.  Not imported before a check needs a guest."""

import hashlib
from pathlib import Path

from filelock import FileLock

from xenproof.guest.host_kernel import of_host, of_tree, static_busybox
from xenproof.lab.accel import choose
from xenproof.lab.cache import made
from xenproof.lab.guest_images import MadeOf
from xenproof.lab.image import Image, ensure_image, image_folder
from xenproof.lab.progress import Silent
from xenproof.lab.recipe import load_recipe
from xenproof.source.connection import Connection
from xenproof.suite.options import KERNEL_OF_HOST

_LAB = "debian12"


def material(dom0: Connection, kernel: str | None, run_folder: Path) -> MadeOf:
    """Parts of the lab's image of Debian 12, or by `kernel` the host's own kernel, or a root tree of the user's."""
    if kernel is None:
        return ensure_image(load_recipe(_LAB), choose(), Silent())
    folder = made(run_folder / f"guests-{hashlib.sha256(dom0.url.encode()).hexdigest()[:12]}")
    if kernel != KERNEL_OF_HOST:
        return of_tree(Path(kernel).absolute(), folder)
    with FileLock(run_folder / f"{folder.name}.lock"):
        return of_host(dom0, _busybox(), folder)


def _busybox() -> Path:
    """That of the lab where its image is built, as it needs nothing more of this machine."""
    of_lab = Image(image_folder(load_recipe(_LAB))).parts / "bin/busybox"
    return of_lab if of_lab.is_file() else static_busybox()
