"""Where Debian's packages come from: this machine's own apt sources, or a mirror that the user names."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from xenproof.errors import LabError
from xenproof.lab.release_file import fetch, parse_release_file, shown

# For each index that apt's configuration names: address, suite, component, kind of index.
_FORMAT = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(CREATED_BY)"


def debian_mirrors() -> list[str]:
    """The addresses at which this machine's apt is configured to find Debian; only $XENPROOF_MIRROR if that is set.

    The proxies and mirrors of this machine then serve the lab, too.  Empty where apt is configured for another
    distribution only.  Lists that apt fetched are not used: they may be old, or not there.  Raises LabError where
    that cannot be found out.
    """
    if mirror := os.environ.get("XENPROOF_MIRROR"):
        return [mirror]
    if shutil.which("apt-get") is None:
        raise LabError(
            "this machine has no apt-get to take Debian's mirror from; set XENPROOF_MIRROR to the address of one"
        )
    known = subprocess.run(
        ["apt-get", "indextargets", "--no-release-info", "--format", _FORMAT],
        capture_output=True, text=True, errors="replace", check=False, timeout=60,
    )  # fmt: skip
    mirrors: list[str] = []
    problems: list[str] = []
    with TemporaryDirectory(prefix="xenproof-apt-") as folder:
        for uri, suite in configured(known.stdout):
            if uri in mirrors:
                continue
            text, problem = fetch(uri, suite, Path(folder) / "InRelease")
            release = parse_release_file(text)
            if release is not None and release.origin == "Debian":
                mirrors.append(uri)
            elif problem:
                problems.append(f"{shown(uri)} {suite} ({problem})")
    if not mirrors and problems:
        raise LabError(
            f"this machine's apt sources have no mirror of Debian that answers: {', '.join(problems)}; "
            "set XENPROOF_MIRROR to the address of one"
        )
    return mirrors


def configured(index_targets: str) -> list[tuple[str, str]]:
    """Address and suite of each repository with a component "main", from what `apt-get indextargets` printed."""
    found = []
    for row in index_targets.splitlines():
        match row.split("|"):
            case [uri, suite, "main", "Packages"] if (uri, suite) not in found:
                found.append((uri, suite))
    return found
