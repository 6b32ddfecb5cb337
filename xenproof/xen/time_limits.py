"""How programs of a host say that a time limit of theirs passed.

Only what says so: a program that was killed may have met the end of memory, which is a fault of the host.
"""

import re

from xenproof.xen.tool_log import Weight, weight

_SIGNS = re.compile(
    "|".join(
        (
            # libxl: its limits for scripts, backends, device models and guests.  -9 is its ERROR_TIMEDOUT; before 4.17
            # it gives no number for a device.
            r"because of timeout",
            r"\btimed out\b",
            r"\bunable to (?:add|remove) device with path \S+\s*$",
            r"\brc[ =]-9\b",
            r"\blibxl\b.*: -9\s*$",
            r"\b(?:Device Model|Backend /\S+) not ready\b",
            r"\bqmp_\w+: (?:Domain \d+:)?timeout\s*$",
            r"\bguest didn't acknowledge suspend\b|\bguest did not suspend\b",
            # Before 4.5 this is all that it says of a script that it killed.
            r"/\S+ (?:add|remove|online|offline) \[-?\d+\] died due to fatal signal Killed",
            # Its scripts
            r"\btimeout waiting\b",
            # systemd, libvirt, and what speaks to them over D-Bus
            r"\btimeout was (?:exceeded|reached)\b",
            r"\bresult[:=]? ?'?timeout\b",
            r"\bkeepalive timeout\b",
            r"\bDid not receive a reply\b",
            # The suite
            r"\bwas still not ready after \d+ s\b",
            r"\bdid not end within \S+ s\b",
        )
    ),
    re.IGNORECASE,
)


def time_limit_in(text: str) -> str:
    """The first line of `text` that says that a time limit passed, "" if none does.

    A line of the tools' log that reports no failure, such as one for debugging, is none.
    """
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if _SIGNS.search(line) and weight(line) is not Weight.NOTICE), "")
