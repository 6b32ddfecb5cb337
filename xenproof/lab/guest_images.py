"""The images of witness guests, each made once, at its first use."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from xenproof.guest.image.guest_image import GuestImage, build_guest_image
from xenproof.guest.image.packed_kernel import Packing
from xenproof.lab.made_once import made_once

# The files that determine a guest's image, besides the parts.
_SOURCES = ("witness.sh", "initramfs.py", "filesystem.py", "guest_image.py", "boot_sector.py", "packed_kernel.py")
_ROOM_GIB = 0.2


class ImageMaterial(Protocol):
    """The material for images of guests, and the folder for the images."""

    @property
    def folder(self) -> Path:
        """The folder for the images."""
        ...

    @property
    def parts(self) -> Path:
        """The root tree with kernel, modules and busybox."""
        ...

    @property
    def packing(self) -> Packing:
        """The default packing of kernels."""
        ...


def ensure_guest_image(image: ImageMaterial, filesystem: str = "ext4", packing: Packing | None = None) -> GuestImage:
    """The guest's image with this root file system and kernel packing; raises LabError where it cannot be made."""
    packing = packing or image.packing
    kind = f"{filesystem}-{packing}"
    folder = made_once(
        image.folder / f"guest-{kind}-{_digest()}",
        lambda work: build_guest_image(image.parts, work, filesystem, packing),
        need_gib=_ROOM_GIB,
        purpose=f"making the guests' image {kind}",
    )
    return GuestImage.read(folder)


@cache
def _digest() -> str:
    folder = files("xenproof.guest.image")
    texts = [folder.joinpath(name).read_bytes() for name in _SOURCES]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]
