"""The kernel that an image would boot: {release} means this one instead of the running kernel of a host."""

import posixpath
import re

from xenproof.errors import NotEvaluable, ParseError
from xenproof.facts.grub_menu import grub_menu
from xenproof.facts.texts import Texts
from xenproof.image.node import is_directory
from xenproof.image.tree import Tree

MODULES = "/lib/modules"
_MOST_NAMED = 20
# vmlinuz-6.1.0-56-amd64
_KERNEL = re.compile(r"(?:vmlinu[xz]|linux|kernel|bzImage|Image)-(\d[\w.+~-]*)", re.ASCII)


def kernel_release(tree: Tree, grub_cfgs: list[str]) -> str:
    """The release of the kernel of GRUB's default entry, or of the only one that is installed.

    Raises NotEvaluable with the reason if that is not exactly one.
    """
    installed = [name for name in tree.names(MODULES) if _is_release(tree, name)]
    try:
        chosen = _default(tree, grub_cfgs)
    except (NotEvaluable, ParseError) as error:
        if len(installed) == 1:
            return installed[0]
        found = f"there are {', '.join(installed[:_MOST_NAMED])}" if installed else "there is none"
        raise NotEvaluable(
            f"the image does not tell which kernel it boots ({error}), and below {MODULES} {found}"
        ) from error
    if chosen not in installed:
        raise NotEvaluable(f"grub.cfg boots the kernel {chosen}, which has nothing below {MODULES}")
    return chosen


def _is_release(tree: Tree, name: str) -> bool:
    found = tree.find(posixpath.join(MODULES, name))
    return found is not None and is_directory(found.node) and _KERNEL.fullmatch(f"linux-{name}") is not None


def _default(tree: Tree, grub_cfgs: list[str]) -> str:
    lines: dict[str, tuple[str, ...]] = {}
    for path in grub_cfgs:
        for part in (path, posixpath.join(posixpath.dirname(path), "grubenv")):
            if (text := tree.lines(part)) is not None:
                lines[part] = text
    entry = grub_menu(Texts(lines, frozenset())).default_entry
    # GRUB's paths begin at the root of the file system with /boot, which may be a separate one.
    for path in (entry.kernel_file, posixpath.join("/boot", entry.kernel_file.lstrip("/"))):
        for real in (path, found.path if (found := tree.find(path)) else ""):
            if name := _KERNEL.fullmatch(posixpath.basename(real)):
                return name[1]
    raise NotEvaluable(f"grub.cfg's default entry {entry.title!r} loads {entry.kernel_file!r}, which names no release")
