"""The images of witness guests, each made once, when it is first asked for."""

import hashlib
import shutil
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from xenproof.errors import LabError
from xenproof.guest.image import GuestImage, build_guest_image
from xenproof.guest.packed_kernel import Packing
from xenproof.lab.cache import made, require_space

# All that decides what is in a guest's image, besides the parts.
_SOURCES = ("witness.sh", "initramfs.py", "filesystem.py", "image.py", "packed_kernel.py")
_ROOM_GIB = 0.2


class MadeOf(Protocol):
    """What images of guests are made of, and where they go."""

    @property
    def folder(self) -> Path:
        """Where the images are kept."""
        ...

    @property
    def parts(self) -> Path:
        """The root tree with their kernel, modules and busybox."""
        ...


def ensure_guest_image(image: MadeOf, filesystem: str = "ext4", packing: Packing | None = None) -> GuestImage:
    """The guest's image with a root of `filesystem` and a kernel packed so; raises LabError where it cannot be made."""
    kind = f"{filesystem}-{packing}" if packing else filesystem
    final = image.folder / f"guest-{kind}-{_digest()}"
    with FileLock(image.folder / f"{final.name}.lock"):
        if not final.is_dir():
            work = image.folder / f"{final.name}.building"
            shutil.rmtree(work, ignore_errors=True)
            require_space(image.folder, _ROOM_GIB, f"making the guests' image {kind}")
            try:
                build_guest_image(image.parts, made(work), filesystem, packing)
                work.rename(final)
            except OSError as error:
                raise LabError(f"making the guests' image in {work} failed: {error}") from error
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return GuestImage.read(final)


@cache
def _digest() -> str:
    folder = files("xenproof.guest")
    texts = [folder.joinpath(name).read_bytes() for name in _SOURCES]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]
