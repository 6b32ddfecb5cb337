"""Which backing files a qcow2 may use: only files that the user named.

Anyone may have written the name that is stored in an image, even a guest's owner.  It must not decide which files
of this machine are read.
"""

import os
import posixpath
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from xenproof.errors import SourceError
from xenproof.image.regular import open_regular

# nbd:host:port, json:{...} and file:name: qemu distinguishes protocols from file names in this way.
_PROTOCOL = re.compile(r"[^/]*:")
_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Allowed:
    """The backing files that the user named, with all links followed."""

    paths: frozenset[Path]

    @staticmethod
    def of(named: tuple[Path, ...]) -> "Allowed":
        """The real paths of the files that the user named; raises SourceError for one that does not exist."""
        return Allowed(frozenset(map(_resolved, named)))

    def open(self, image: Path, name: str, files: ExitStack) -> tuple[Path, BinaryIO]:
        """The backing file `name` of `image`, and its real path; it is closed with `files`.

        Raises SourceError with the refused name and the reason if the user did not name that file, or if it is not a
        regular file below the image's own folder.
        """
        folder = _resolved(image).parent
        refused = f"{image} names the backing file {name[:_QUOTED]!r}, which is not read: "
        if not name or "\0" in name:
            raise SourceError(f"{refused}it is no name of a file")
        if _PROTOCOL.match(name):
            raise SourceError(f"{refused}names of protocols and of json: are none of files; {_instead(image)}")
        if Path(name).is_absolute():
            raise SourceError(f"{refused}only a name relative to the image is; {_instead(image)}")
        # Checked before any lookup: the path may be in a network file system that is mounted on access.
        if posixpath.normpath(name).startswith(".."):
            raise SourceError(f"{refused}it leads out of the image's folder {folder}; {_instead(image)}")
        path = _resolved(image.parent / name)
        if not path.is_relative_to(folder):
            raise SourceError(f"{refused}it leads to {path}, out of the image's folder {folder}; {_instead(image)}")
        if path not in self.paths:
            raise SourceError(
                f"{refused}an image must not choose which files of this machine are read; if you trust it, "
                f"allow it with --backing {path}"
            )
        file = open_regular(path, files, follow=False)
        # A folder in the path may have been replaced by a link meanwhile.
        if _resolved(path) != path or not os.path.samestat(os.fstat(file.fileno()), path.lstat()):
            raise SourceError(f"{refused}{path} was replaced while it was opened")
        return path, file


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"cannot read the image {path}: {reason}") from error


def _instead(image: Path) -> str:
    return f"make one file of it where you trust it: `qemu-img convert -O qcow2 {image.name} whole.qcow2`"
