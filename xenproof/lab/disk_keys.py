"""The public host keys in a disk image of the user's own, read before it is booted."""

import base64
import binascii
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from xenproof.errors import SourceError, XenproofError

if TYPE_CHECKING:
    from xenproof.image.tree import Tree

_KEYS = "/etc/ssh/ssh_host_*_key.pub"
# At the first boot in another place it deletes the keys, and makes others.
_CLOUD_INIT, _OFF = "/usr/bin/cloud-init", "/etc/cloud/cloud-init.disabled"


def host_keys_in(disk: Path, backing: tuple[Path, ...]) -> list[str]:
    """The public host keys in the image, "TYPE BASE64" each; none where they cannot be read or are not those it uses.

    Raises SourceError if it is no disk image or has a backing file that the user did not allow: QEMU would open that.
    """
    try:
        from xenproof.image.budget import Budget
        from xenproof.image.disk.container import open_container
        from xenproof.image.disk.disk import read_disk
    except ImportError as error:
        raise SourceError(
            f"the disk image {disk} is read before it is booted, which needs packages that are not installed "
            f"({error.name}): install xenproof with its extra, pip install 'xenproof[image]'"
        ) from error
    with ExitStack() as files:
        open_container(disk, files, backing, Budget())
        try:
            return _keys(read_disk(disk, files, backing, Budget()).tree)
        except XenproofError:
            return []


def _keys(tree: "Tree") -> list[str]:
    if tree.file(_CLOUD_INIT) and tree.find(_OFF) is None:
        return []
    texts = (tree.text(path) or "" for path in tree.matching(_KEYS))
    return [key for text in texts for line in text.splitlines() if (key := _key(line))]


def _key(line: str) -> str:
    """The type and the key in a line of a public key; empty where it is none, as after a power cut."""
    # ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA... root@xen1
    kind, text, *_ = [*line.split(), "", ""]
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    name = kind.encode()
    return f"{kind} {text}" if name and blob.startswith(len(name).to_bytes(4, "big") + name) else ""
