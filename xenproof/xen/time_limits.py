"""How programs of a host say that a time limit of theirs passed."""

import re

_SIGNS = re.compile(
    "|".join(
        (
            # libxl: its limits for scripts, backends, device models and xenstore; of a script that it kills, it says
            # also how that ended.  -9 is its ERROR_TIMEDOUT; before 4.17 it gives no number for a device.
            r"because of timeout",
            r"\btimed out\b",
            r"xswait timeout",
            r"died due to fatal signal Killed",
            r"unable to (?:add|remove) device with path \S+\s*$",
            r"(?:\brc[ =]|\): |domain: |devices: )-9\b",
            # A shell, of a program that was killed
            r"\bkilled by signal\b",
            r"^\s*\S+: line \d+:\s+\d+ Killed\b",
            # systemd, and what speaks to it over D-Bus
            r"\btimeout was (?:exceeded|reached)\b",
            r"\bresult '?timeout\b",
            # The suite
            r"\bwas still not ready after \d+ s\b",
            r"\bdid not end within \S+ s\b",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)


def time_limit_in(text: str) -> str:
    """The first line of `text` that says that a time limit passed, "" if none does."""
    return next((line.strip() for line in text.splitlines() if _SIGNS.search(line)), "")
