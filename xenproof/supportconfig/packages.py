"""The installed packages, from the list in rpm.txt."""

import re

from xenproof.errors import NotEvaluable, ParseError
from xenproof.supportconfig.blocks import Blocks

# rpm -qa --queryformat "%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\n" | sort -k 1,2 -t " " -i
_LIST = re.compile(r"(?:\S*/)?rpm -qa --queryformat \"%-\d+\{NAME\} %-\d+\{DISTRIBUTION\} %\{VERSION\}-%\{RELEASE\}.*")
_HEADER = ["NAME", "DISTRIBUTION", "VERSION"]
# xen-tools                           SUSE Linux Enterprise 12            4.4.1_06-2.2
_ROW = re.compile(r"([^\s/]+) (?:.* )?(\S+)")


def rpm_packages(blocks: Blocks) -> str:
    """The packages as 'rpm -qa' of the probe prints them.

    Raises NotEvaluable if the list was not collected, ParseError if a line is not a package.
    """
    block = next((block for block in blocks.all if _LIST.fullmatch(block.title)), None)
    if block is None:
        raise NotEvaluable("this supportconfig has no list of packages in rpm.txt")
    rows: list[str] = []
    for line in block.lines:
        if line.split() == _HEADER:
            continue
        if (row := _ROW.fullmatch(line)) is None or "-" not in row[2]:
            raise ParseError(f"expected name, distribution and version of a package in rpm.txt, found {line[:200]!r}")
        rows.append(f"ii \t{row[1]}\t{row[2]}\n")
    return "rpm\n" + "".join(rows)
