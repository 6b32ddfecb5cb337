"""The source image://PATH: an unpacked root directory, or a disk image."""

import stat
from contextlib import ExitStack
from pathlib import Path

from xenproof.errors import NotEvaluable, SourceError, XenproofError
from xenproof.facts.identity import offline_identity
from xenproof.facts.offline_recording import offline_recording
from xenproof.image.budget import READING_LIMIT_S, Budget
from xenproof.image.dpkg import STATUS
from xenproof.image.folder import FolderNode
from xenproof.image.rpm.database import has_rpm_database
from xenproof.image.sections import ImageSections
from xenproof.image.system import system_name
from xenproof.image.tree import Tree
from xenproof.image.unknowable import VOLATILE
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording

KIND = "disk image"
FOLDER_KIND = "root directory"


def read_image(
    url: str, path: Path, profile: Profile, backing: tuple[Path, ...] = (), limit_s: float = READING_LIMIT_S
) -> Recording:
    """The recording made from the image at `path`; nothing in it is run or mounted.

    `backing` are the backing files that a qcow2 may use.  After `limit_s` seconds every section that is not
    read yet fails with that reason.  Raises SourceError with what was expected and found if it is not an image of a
    whole system.
    """
    with ExitStack() as files:
        kind, where, tree = _open(path, files, backing, Budget(limit_s))
        return _recorded(url, path, profile, tree, kind, where)


def _recorded(url: str, path: Path, profile: Profile, tree: Tree, kind: str, where: str) -> Recording:
    if not _has_packages(tree):
        raise SourceError(
            f"{path} has no database of packages: expected that of dpkg ({STATUS}) or of rpm; "
            "is it the root of a system?"
        )
    sections = ImageSections(tree, profile)
    try:
        release = sections.release
    except XenproofError:
        release = ""  # the checks that need it report the reason
    identity = offline_identity(kind, kernel=release, system=system_name(tree), xl=sections.command("xl"))
    about = {"source": f"{kind}, not running ({where})"}
    return offline_recording(url, profile, identity, sections.writer, about)


def _has_packages(tree: Tree) -> bool:
    """Whether it has a database of packages; also if that cannot be known: then those checks report the reason."""
    try:
        return tree.file(STATUS) is not None or has_rpm_database(tree)
    except NotEvaluable:
        return True


def _open(path: Path, files: ExitStack, backing: tuple[Path, ...], budget: Budget) -> tuple[str, str, Tree]:
    """The kind of the image, the place of its root, and the tree of its files."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"there is no image to read at {path}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        tree = Tree(FolderNode(path.resolve(), budget=budget), VOLATILE, budget)
        if tree.directory("/etc") is None:
            raise SourceError(f"{path} is no root directory of a system: it has no directory etc")
        return FOLDER_KIND, "unpacked", tree
    if not stat.S_ISREG(mode):
        raise SourceError(
            f"{path} is neither a file nor a directory: expected a disk image or an unpacked root directory"
        )
    try:
        # Optional packages with their own licence: only needed to read disk images.
        from xenproof.image.disk.disk import read_disk
    except ImportError as error:
        raise SourceError(
            f"reading the disk image {path} needs packages that are not installed ({error.name}): "
            "install xenproof with its extra, pip install 'xenproof[image]'; an unpacked root directory needs none"
        ) from error
    disk = read_disk(path, files, backing, budget)
    return KIND, disk.root, disk.tree
