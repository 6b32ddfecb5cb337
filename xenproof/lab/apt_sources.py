"""Where Debian's packages come from: this machine's own apt sources, or a mirror that the user names."""

import os
import shutil
import subprocess

from xenproof.errors import LabError

# Of each index that apt knows: where, which suite, which component, whose.
_FORMAT = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)|$(LABEL)|$(CREATED_BY)"


def sources_list(suite: str) -> list[str]:
    """Lines of a sources.list for `suite`; empty where mmdebstrap's own default is to be used.

    $XENPROOF_MIRROR wins.  Else the machine's own sources of Debian are used with the suite's name
    changed, so that proxies and mirrors that are set up here hold for the lab.  A machine whose apt
    knows no Debian archive (Ubuntu) leaves it to mmdebstrap, which knows Debian's.
    """
    if mirror := os.environ.get("XENPROOF_MIRROR"):
        return [f"deb {mirror} {suite} main"]
    if shutil.which("apt-get") is None:
        raise LabError(
            "this machine has no apt-get to take Debian's mirror from; set XENPROOF_MIRROR to the address of one"
        )
    known = subprocess.run(
        ["apt-get", "indextargets", "--format", _FORMAT], capture_output=True, text=True, check=False, timeout=60
    )
    return lines_for(suite, known.stdout)


def lines_for(suite: str, index_targets: str) -> list[str]:
    """Lines of a sources.list for `suite`, from what `apt-get indextargets` printed."""
    lines: list[str] = []
    for row in index_targets.splitlines():
        fields = row.split("|")
        if len(fields) != 6:
            continue
        uri, codename, component, origin, _, created_by = fields
        if created_by != "Packages" or origin != "Debian" or component != "main":
            continue
        # "bookworm", "bookworm-updates" and "bookworm-security" become the same of the other suite;
        # backports and the like hold no part of a release.
        _, _, pocket = codename.partition("-")
        if pocket in ("", "updates", "security"):
            lines.append(f"deb {uri} {suite}{'-' if pocket else ''}{pocket} main")
    return sorted(set(lines), key=lines.index)
