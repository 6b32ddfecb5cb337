"""The packages in rpm's database, in whatever format: the program `rpm` reads a copy of it."""

import os
import posixpath
import shutil
import subprocess
import tempfile
from pathlib import Path

from xenproof.errors import NotEvaluable, SourceError
from xenproof.facts.probes import RPM_FORMAT
from xenproof.image.node import Node, is_file
from xenproof.image.tree import Tree

# Where rpm keeps it, newest place first: a link from the older to the newer is usual.
_FOLDERS = ("/usr/lib/sysimage/rpm", "/var/lib/rpm")
# Berkeley DB, ndb, sqlite; the others beside them can be made again from these.
_DATABASES = ("Packages", "Packages.db", "rpmdb.sqlite")
_MOST_BYTES = 2 << 30
_PIECE = 8 << 20
_LIMIT_S = 120


def has_rpm_database(tree: Tree) -> bool:
    """Whether the image has a database of rpm."""
    return _folder(tree) is not None


def rpm_packages(tree: Tree) -> str | None:
    """The packages as 'rpm -qa' of the probe prints them, None if the image has no such database.

    Raises NotEvaluable where this machine has no `rpm`, SourceError where it cannot read the database.
    """
    if (folder := _folder(tree)) is None:
        return None
    if shutil.which("rpm") is None:
        raise NotEvaluable(
            f"the image has a database of rpm in {folder}, and this machine has no program `rpm` to read it: "
            "install the package rpm"
        )
    with tempfile.TemporaryDirectory(prefix="xenproof-rpm-") as name:
        copy = Path(name)
        _copy(tree, folder, copy)
        return f"rpm\n{_ask(copy, folder)}"


def _folder(tree: Tree) -> str | None:
    return next((folder for folder in _FOLDERS for name in _DATABASES if tree.file(f"{folder}/{name}")), None)


def _copy(tree: Tree, folder: str, to: Path) -> None:
    left = _MOST_BYTES
    for name in tree.names(folder):
        found = tree.find(posixpath.join(folder, name), follow=False)
        # __db.001 and .rpm.lock belong to the processes of a running system.
        if found is None or not is_file(found.node) or name.startswith(("__db", ".")) or "/" in name:
            continue
        if (left := left - found.node.size) < 0:
            raise SourceError(f"rpm's database in {folder} is larger than {_MOST_BYTES >> 30} GiB, more than is read")
        _copy_file(found.node, to / name)


def _copy_file(node: Node, to: Path) -> None:
    with to.open("wb") as out:
        for start in range(0, node.size, _PIECE):
            out.write(node.read(start, min(_PIECE, node.size - start)))


def _ask(copy: Path, folder: str) -> str:
    # Its own home, so that no macro file of the user's says otherwise.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": str(copy)}
    command = ["rpm", "--dbpath", str(copy), "-qa", "--qf", RPM_FORMAT]
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=copy,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"`rpm` did not read the database in {folder} within {_LIMIT_S} s") from error
    except OSError as error:
        raise SourceError(f"`rpm` cannot be run: {error.strerror}") from error
    said = done.stderr.decode("utf-8", "replace").strip()
    # It ends with 0 even where it cannot read the database, and then prints nothing.
    if done.returncode != 0 or not done.stdout:
        raise SourceError(
            f"`rpm` cannot read the database in {folder}: exit code {done.returncode}, {said[-300:] or 'no package'!r}"
        )
    return done.stdout.decode("utf-8", "replace")
