"""Loads profiles by name or path: finds the files, follows `extends`, and returns one checked Profile."""

import functools
import os
from collections.abc import Iterable
from pathlib import Path

from xenproof.errors import ProfileError, UsageError
from xenproof.profile.complaint import dotted, listed, nearest, quoted
from xenproof.profile.document import MOST_VALUES, Document, read_document
from xenproof.profile.expectation import Expectation
from xenproof.profile.merge import Merged
from xenproof.profile.profile import Profile
from xenproof.profile.schema import RANGES
from xenproof.profile.version import SCHEMES, Scheme, validate_range

_MOST_FILES = 16  # our profiles inherit through five
_OURS = Path(__file__).resolve().parents[2] / "profiles"


def profiles_folder() -> Path:
    """The folder of profiles with bare names: XENPROOF_PROFILES if it is set, else `profiles/` beside the package."""
    return Path(os.environ.get("XENPROOF_PROFILES") or _OURS)


def list_profiles() -> list[str]:
    """The bare names that load_profile accepts, sorted."""
    return sorted(path.stem for path in profiles_folder().glob("*.yaml"))


def load_profile(name_or_path: str) -> Profile:
    """The profile with a bare name such as "debian12", or of a .yaml file, with everything that it inherits.

    Raises ProfileError, each line of which starts with FILE:LINE and states what was expected and
    found, and UsageError if there is no such profile.
    """
    documents = _chain(name_or_path)
    leaf = documents[0]
    merged = Merged(documents[::-1])
    expectations = merged.expectations()
    if not expectations:
        raise ProfileError(f"{leaf.where('families')}: expected at least one expectation below `families`, found none")
    scheme = _scheme(documents)
    _check_ranges(expectations.values(), scheme)
    return Profile(
        name=leaf.name,
        title=str(leaf.data.get("title", leaf.name)),
        scheme=scheme,
        description=str(leaf.data.get("description", "")),
        chain=tuple(document.name for document in documents),
        expectations=expectations,
        settings=merged.settings(),
    )


def _chain(name_or_path: str) -> list[Document]:
    """The file itself, then what it extends, up to the root."""
    path, shown = _find(name_or_path)
    documents = [_read(path, shown)]
    size = documents[0].size
    seen = [path.resolve()]
    while (parent := documents[-1].data.get("extends")) is not None:
        child = documents[-1]
        where = child.where("extends")
        path, shown = _find_parent(str(parent), child, where)
        if path.resolve() in seen:
            loop = [document.name for document in documents[seen.index(path.resolve()) :]]
            raise ProfileError(
                f"{where}: expected a parent that does not extend this profile, found the cycle "
                f"{' -> '.join([*loop, loop[0]])}"
            )
        if len(documents) >= _MOST_FILES:
            raise ProfileError(f"{where}: expected a profile that inherits from at most {_MOST_FILES - 1} files")
        documents.append(_read(path, shown))
        seen.append(path.resolve())
        size += documents[-1].size
        if size > MOST_VALUES:
            raise ProfileError(f"{where}: expected at most {MOST_VALUES:,} values in all that is inherited, found more")
    return documents


def _read(path: Path, shown: str) -> Document:
    document = _document(path, shown)
    if path.parent.resolve() == profiles_folder().resolve() and document.name != path.stem:
        raise ProfileError(
            f"{document.where('name')}: expected the name of the file, {path.stem!r}, found {document.name!r}"
        )
    return document


def _document(path: Path, shown: str) -> Document:
    """The file, cached while it does not change: parsing YAML is slow, and profiles share parents."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return read_document(path, shown)  # which raises the error
    return _read_once(path.absolute(), shown, (stat.st_ino, stat.st_mtime_ns, stat.st_size))


@functools.lru_cache(maxsize=64)
def _read_once(path: Path, shown: str, version: tuple[int, int, int]) -> Document:  # noqa: ARG001  # a part of the key
    return read_document(path, shown)


def _is_path(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or os.sep in name


def _find(name: str) -> tuple[Path, str]:
    """The file of a profile and its name in messages."""
    if not _is_path(name):
        return _known(name)
    if not name.endswith((".yaml", ".yml")):
        raise UsageError(f"expected the name of a profile or a path that ends in .yaml, found {quoted(name)}")
    return Path(name), name


def _known(name: str) -> tuple[Path, str]:
    path = profiles_folder() / f"{name}.yaml"
    if not _is_file(path):
        known = list_profiles()
        raise UsageError(
            f"expected a profile that {profiles_folder()} holds ({', '.join(known) or 'it holds none'}), "
            f"found {quoted(name)}{nearest(name, known)}"
        )
    # Messages and reports name our own profiles the same way on every machine.
    return path, f"profiles/{path.name}" if path.parent == _OURS else str(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder without permission to enter
        return False


def _find_parent(parent: str, child: Document, where: str) -> tuple[Path, str]:
    try:
        if not _is_path(parent):
            return _known(parent)
        path, _ = _find(parent)
    except UsageError as error:
        raise ProfileError(f"{where}: {error}") from error
    found = child.path.parent / path
    if not _is_file(found):
        raise ProfileError(f"{where}: expected a profile to extend, found no file {quoted(str(found), 300)}")
    return found, os.path.normpath(Path(child.shown).parent / path)


def _scheme(documents: list[Document]) -> Scheme:
    """The scheme by which versions compare: that of the nearest file that names one."""
    named = next((document.data["scheme"] for document in documents if "scheme" in document.data), None)
    for scheme in SCHEMES:
        if scheme == named:
            return scheme
    raise ProfileError(
        f"{documents[0].shown}:1: expected `scheme: deb` or `scheme: rpm`, found no scheme here or above"
    )


def _check_ranges(expectations: Iterable[Expectation], scheme: Scheme) -> None:
    problems: list[str] = []
    for expected in expectations:
        if (expected.family, expected.attribute) in RANGES:
            try:
                validate_range(expected.text, scheme)
            except ProfileError as error:
                problems.append(f"{expected.where}: {dotted(expected.path)}: {error}")
    if problems:
        raise ProfileError(listed(problems))
