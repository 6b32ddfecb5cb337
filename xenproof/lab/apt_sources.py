"""Where Debian's packages come from: this machine's own apt sources, or a mirror that the user names."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from xenproof.errors import LabError
from xenproof.lab.mirror_list import mirrors_of
from xenproof.lab.release_file import fetch, parse_release_file
from xenproof.lab.shown import shown
from xenproof.programs import require

# For each index that apt's configuration names: suite, component, kind of index, address, which may have any character.
_FORMAT = "$(RELEASE)|$(COMPONENT)|$(CREATED_BY)|$(REPO_URI)"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/\S*\Z")
# How mmdebstrap names the mirror that it takes by default.
_OF_MMDEBSTRAP = re.compile(r"\$mirror\s*=\s*'(https?://[^'\s]+/debian)/?'")
_EXAMPLE = "http://mirror.example/debian"
_ADVICE = f"set XENPROOF_MIRROR to the address of one, such as {_EXAMPLE}"
_LIMIT_S = 60


def debian_mirrors() -> list[str]:
    """The addresses at which this machine's apt is configured to find Debian; only $XENPROOF_MIRROR if that is set.

    The proxies and mirrors of this machine then serve the lab, too.  Where apt is configured for another distribution
    only, the mirror that mmdebstrap takes by default.  Lists that apt fetched are not used: they may be old, or not
    there.  Raises LabError where that cannot be found out.
    """
    with TemporaryDirectory(prefix="xenproof-apt-") as folder:
        if mirror := os.environ.get("XENPROOF_MIRROR", "").strip():
            return _own(mirror, Path(folder))
        mirrors, problems = _configured_for_debian(Path(folder))
    # A source of something else that does not answer is no reason on a machine that is none of Debian's.
    if not mirrors and problems and _is_debian():
        raise LabError(
            f"this machine's apt sources have no mirror of Debian that answers: {', '.join(problems)}; {_ADVICE}"
        )
    return mirrors or [_default_mirror()]


def configured(index_targets: str) -> list[tuple[str, str]]:
    """Address and suite of each repository with a component "main", from what `apt-get indextargets` printed.

    Not those on a CD, which apt cannot read without asking for it.
    """
    found = []
    for row in index_targets.splitlines():
        match row.split("|", 3):
            case [suite, "main", "Packages", uri] if (uri, suite) not in found and not uri.startswith("cdrom:"):
                found.append((uri, suite))
    return found


def _is_debian() -> bool:
    try:
        return platform.freedesktop_os_release().get("ID", "") == "debian"
    except OSError:
        return True


def _own(mirror: str, folder: Path) -> list[str]:
    """The mirror that the user names."""
    if not _ADDRESS.match(mirror):
        found = shown(mirror) if "//" in mirror else mirror.rpartition("@")[2]
        raise LabError(f"expected in XENPROOF_MIRROR an address such as {_EXAMPLE}, found {found[:200]!r}")
    behind = mirrors_of(mirror, folder)
    if not behind.addresses:
        raise LabError(f"the list of mirrors in XENPROOF_MIRROR, {shown(mirror)[:200]!r}, has none: {behind.problem}")
    return list(behind.addresses)


def _configured_for_debian(folder: Path) -> tuple[list[str], list[str]]:
    """The mirrors of Debian in apt's configuration, and what is wrong with those that could be one."""
    mirrors: list[str] = []
    problems: list[str] = []
    for uri, suite in configured(_index_targets()):
        behind = mirrors_of(uri, folder)
        if behind.problem:
            problems.append(f"{shown(uri)} ({behind.problem})")
        for address in behind.addresses:
            if address in mirrors:
                break
            text, problem = fetch(address, suite, folder / "InRelease")
            release = parse_release_file(text)
            if release is not None:
                # The others in the same list have the same.
                mirrors += [address] if release.origin == "Debian" else []
                break
            problems.append(f"{shown(address)} {suite} ({problem or 'it has no Release file there'})")
    return mirrors, list(dict.fromkeys(problems))


def _default_mirror() -> str:
    """The mirror of Debian that mmdebstrap takes where none is named; it has no way to ask for it."""
    program = Path(require("mmdebstrap"))
    found = _OF_MMDEBSTRAP.search(program.read_text("utf-8", "replace"))
    if found is None:
        raise LabError(f"this machine's apt sources have no mirror of Debian, and {program} names none; {_ADVICE}")
    return found[1]


def _index_targets() -> str:
    """What `apt-get indextargets` prints."""
    if shutil.which("apt-get") is None:
        raise LabError(f"this machine has no apt-get to take Debian's mirror from; {_ADVICE}")
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--no-release-info", "--format", _FORMAT],
            capture_output=True, text=True, errors="replace", check=False, timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LabError(f"apt-get does not say within {_LIMIT_S} s which mirrors this machine has; {_ADVICE}") from None
    if done.returncode != 0:
        why = [line for line in done.stderr.splitlines() if line.startswith("E: ")][:3]
        raise LabError(
            f"apt-get cannot say which mirrors this machine has, it ended with {done.returncode}: "
            f"{shown(' '.join(why))[:400]!r}; mend this machine's apt sources, or {_ADVICE}"
        )
    return done.stdout
