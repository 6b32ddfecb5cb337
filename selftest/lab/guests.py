"""A guest that a test of the lab runs by itself."""

from pathlib import Path

from selftest.lab.suite import GRUB_XEN
from xenproof.guest.description import GuestDescription
from xenproof.guest.guest import Guest
from xenproof.guest.host.host import GuestHost
from xenproof.guest.host.run_identity import RunIdentity
from xenproof.guest.host.working_folder import IMAGES
from xenproof.lab.guest_images import ensure_guest_image
from xenproof.lab.host import LabHost
from xenproof.lab.image import Image
from xenproof.source.connection import Connection
from xenproof.xen.backend import DiskBackend
from xenproof.xlcfg.config import Start


def guest_host(dom0: Connection, run_folder: Path, images: str = IMAGES, *, devices: bool = False) -> GuestHost:
    """The host as the guests of a run see it, whose workers share `run_folder`; `devices` as its blkback wants them."""
    return GuestHost(dom0, RunIdentity.of(run_folder), images, blkback_wants_devices=devices)


def image_of(host: LabHost) -> Image:
    """The image of a recipe that the host was started from."""
    assert isinstance(host.image, Image)
    return host.image


def described(host: LabHost, backend: DiskBackend = DiskBackend.BLKBACK) -> GuestDescription:
    """A guest by grub.xen."""
    return GuestDescription(ensure_guest_image(image_of(host)), backend, Start(GRUB_XEN))


def new_guest(host: LabHost, runs_on: GuestHost, backend: DiskBackend = DiskBackend.BLKBACK) -> Guest:
    """A guest by grub.xen, which is not defined yet."""
    return Guest(runs_on, described(host, backend))
