"""Where Debian's packages come from: this machine's own apt sources, or a mirror that the user names."""

import os
import shutil
import subprocess

from xenproof.errors import LabError

# For each index that apt uses: address, suite, component, origin, label, kind of index.
_FORMAT = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(ORIGIN)|$(LABEL)|$(CREATED_BY)"


def sources_list(suite: str) -> list[str]:
    """Lines of a sources.list for `suite`; empty for mmdebstrap's own default.

    $XENPROOF_MIRROR is used first.  Otherwise the machine's own sources of Debian are used with the suite's
    name changed, so that this machine's proxies and mirrors serve the lab, too.  Where apt has no Debian
    archive (Ubuntu), the result is empty, as mmdebstrap's default is Debian's archive.
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
        # "bookworm", "bookworm-updates" and "bookworm-security" become those of the wanted suite;
        # backports and others are no part of a release.
        _, _, pocket = codename.partition("-")
        if pocket in ("", "updates", "security"):
            lines.append(f"deb {uri} {suite}{'-' if pocket else ''}{pocket} main")
    return sorted(set(lines), key=lines.index)
