"""Units as their files describe them: whether they exist, and whether they start at boot.

The rules are those of systemd's `unit_file_lookup_state`.  Units that are generated only while the system
starts (a mount of fstab, a device) cannot be seen.
"""

import posixpath
import re
import stat

from xenproof.errors import NotEvaluable
from xenproof.image.node import is_file, is_link
from xenproof.image.tree import MOST_WORDY_BYTES, Found, Tree
from xenproof.probing.sections import UNKNOWABLE

CONFIGURED = "/etc/systemd/system"
# In the order in which systemd searches; below /run nothing exists before a boot.
_FOLDERS = (CONFIGURED, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_SCRIPTS = "/etc/init.d"
# Kinds of units that systemd generates while it runs.
_MADE_WHILE_RUNNING = (".mount", ".swap", ".device", ".scope", ".slice")
_SECTION = re.compile(r"\s*\[([A-Za-z]+)\]\s*")
# WantedBy=multi-user.target graphical.target
_KEY = re.compile(r"\s*([A-Za-z]+)\s*=\s*(.*?)\s*")
_RULES = ("WantedBy", "RequiredBy", "UpheldBy", "Alias")
_NOT_RUNNING = f"{UNKNOWABLE}nothing runs in an image, so no unit is active or inactive"


def show_unit(tree: Tree, name: str) -> str:
    """The output of the probe's 'systemctl show' for the unit, as far as files show it."""
    loaded, enabled = _states(tree, name)
    properties = {
        "Id": name,
        "LoadState": loaded,
        "ActiveState": _NOT_RUNNING,
        "SubState": _NOT_RUNNING,
        "UnitFileState": enabled,
    }
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _states(tree: Tree, name: str) -> tuple[str, str]:
    """LoadState and UnitFileState."""
    try:
        found = _unit_file(tree, name)
        if found is None:
            return _without_file(tree, name)
        if _is_masked(tree, found):
            return "masked", "masked"
        return "loaded", _enabled(tree, name, found)
    except NotEvaluable as error:
        return f"{UNKNOWABLE}{error}", f"{UNKNOWABLE}{error}"


def _unit_file(tree: Tree, name: str) -> Found | None:
    """The unit's file or link, first in systemd's order; for an instance also its template's."""
    before, at, after = name.partition("@")
    template = f"{before}@.{after.rpartition('.')[2]}" if at else name
    for wanted in dict.fromkeys((name, template)):
        for folder in _FOLDERS:
            if found := tree.find(posixpath.join(folder, wanted), follow=False):
                return found
    return None


def _without_file(tree: Tree, name: str) -> tuple[str, str]:
    script = tree.file(posixpath.join(_SCRIPTS, name.removesuffix(".service")))
    if name.endswith(".service") and script is not None and script.mode & stat.S_IXUSR:
        return "loaded", "generated"
    if name.endswith(_MADE_WHILE_RUNNING):
        reason = f"{UNKNOWABLE}{name} has no file: systemd may make such a unit while it runs"
        return reason, reason
    return "not-found", ""


def _is_masked(tree: Tree, found: Found) -> bool:
    if is_link(found.node) and _absolute(found) == "/dev/null":
        return True
    real = tree.find(found.path)
    return real is not None and is_file(real.node) and real.node.size == 0


def _absolute(link: Found) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(link.path), link.node.target()))


def _enabled(tree: Tree, name: str, found: Found) -> str:
    if (real := tree.find(found.path)) is None or not is_file(real.node):
        return "bad"
    keys = _install_keys(tree.lines(real.path, MOST_WORDY_BYTES) or ())
    if _has_link(tree, name, real.path, keys.get("Alias", [])):
        return "enabled"
    if is_link(found.node) and posixpath.dirname(real.path) not in _real_folders(tree):
        return "linked"
    if is_link(found.node) and posixpath.basename(real.path) != posixpath.basename(found.path):
        return "alias"
    if any(keys.get(key) for key in _RULES):
        return "disabled"
    return "indirect" if keys.get("Also") else "static"


def _real_folders(tree: Tree) -> set[str]:
    return {found.path for folder in _FOLDERS if (found := tree.find(folder)) is not None}


def _has_link(tree: Tree, name: str, real_path: str, aliases: list[str]) -> bool:
    """Whether a link in the administrator's folder starts the unit together with another one, or gives it an alias."""
    for folder in tree.names(CONFIGURED):
        if folder.endswith((".wants", ".requires", ".upholds")):
            wanted = tree.find(posixpath.join(CONFIGURED, folder, name), follow=False)
            if wanted is not None and is_link(wanted.node):
                return True
    for alias in aliases:
        link = tree.find(posixpath.join(CONFIGURED, alias), follow=False)
        if link is not None and is_link(link.node) and (end := tree.find(link.path)) and end.path == real_path:
            return True
    return False


def _install_keys(lines: tuple[str, ...]) -> dict[str, list[str]]:
    """The words of each key in the section [Install]."""
    keys: dict[str, list[str]] = {}
    section = ""
    for line in lines:
        if header := _SECTION.fullmatch(line):
            section = header[1]
        elif section == "Install" and (key := _KEY.fullmatch(line)) and not line.lstrip().startswith(("#", ";")):
            keys.setdefault(key[1], []).extend(key[2].split())
    return keys
