"""What a line that xl, libxl or virsh prints weighs: a report of a failure, a warning, or neither."""

import re
from enum import IntEnum


class Weight(IntEnum):
    """How likely a line says why something failed."""

    NOTICE = 0
    WARNING = 1
    CAUSE = 2


# The tools' log: [DATE TIME [ZONE] ][[PID] ]CONTEXT: LEVEL: TEXT, and that of libvirt: DATE TIME: PID: LEVEL : TEXT
_LEVEL = re.compile(
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* (?:[A-Za-z0-9+-]+ )?)?(?:\[\d+\] )?[A-Za-z0-9_-]+: "
    r"(?P<level>debug|verbose|detail|progress|info|notice|warning) ?: "
)
# Without a level: of xl and libxlu
_WARNING = re.compile(
    r"(?i:warning)\b|.*:\d+: warning: |the \w+ parameter (?:is deprecated|for vifs is )|Invalid parameter `\w+'\.\Z"
)
_NOTICE = re.compile(
    r"Parsing config |Loading new save file |Saving to \S.* new xl format|Daemon running with PID |"
    r"Waiting for domain .* to die \[pid|got a tsc mode string: |Domain .* defined from |\s*\Z"
)


def weight(line: str) -> Weight:
    """The weight of one line; one that is indented belongs to the line before it, and has none of its own."""
    if found := _LEVEL.match(line):
        return Weight.WARNING if found["level"] == "warning" else Weight.NOTICE
    if _NOTICE.match(line):
        return Weight.NOTICE
    return Weight.WARNING if _WARNING.match(line) else Weight.CAUSE


def weighed(printed: str) -> list[tuple[Weight, str]]:
    """Each line with its weight; an indented one has that of the line before it."""
    rows: list[tuple[Weight, str]] = []
    for line in printed.splitlines():
        belongs = rows and line[:1] in (" ", "\t") and line.strip() and rows[-1][1].strip()
        rows.append((rows[-1][0] if belongs else weight(line), line))
    return rows
