"""Release files of Debian's archive, fetched from a mirror by apt's own program and configuration.

Proxies and credentials are those of this machine's apt; its lists and its configuration are not changed.
"""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import HeaderParser
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path

from xenproof.errors import LabError
from xenproof.lab.shown import is_misread, shown

_APT_HELPER = "/usr/lib/apt/apt-helper"
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
# The fields stand before the list of files, which is the rest of 150 kB.
_FIELDS_CHARS = 8192
_LIMIT_S = 60
_MISREAD = (
    "its user or password has a sign that is to be encoded: write @ as %2540 and / as %252F in a line of sources.list, "
    "as %40 and %2F elsewhere"
)


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """What a Release file states about its suite; dates in UTC."""

    origin: str
    suite: str
    codename: str
    date: datetime
    valid_until: datetime | None

    def is_of(self, suite: str) -> bool:
        """Whether it is Debian's own and of `suite`, a code name or a name such as "testing"."""
        return self.origin == "Debian" and suite in (self.codename, self.suite)


def parse_release_file(text: str) -> ReleaseFile | None:
    """The fields of an InRelease or Release file; None where it is none."""
    head = text[:_FIELDS_CHARS]
    if head.startswith(_SIGNED):
        head = head.partition("\n\n")[2]
    fields = HeaderParser().parsestr(head)
    if (date := _date(fields.get("Date", ""))) is None:
        return None
    origin, suite, codename = (str(fields.get(name, "")) for name in ("Origin", "Suite", "Codename"))
    return ReleaseFile(origin, suite, codename, date, _date(fields.get("Valid-Until", "")))


def fetch(uri: str, suite: str, file: Path) -> tuple[str, str]:
    """The beginning of the InRelease file of `suite` below `uri`, fetched into `file`; or an empty text and the reason.

    Its signature is not checked here, but when packages are installed.
    """
    return download(f"{uri.rstrip('/')}/dists/{suite}/InRelease", file, _FIELDS_CHARS)


def download(address: str, file: Path, most_chars: int) -> tuple[str, str]:
    """The beginning of what is at `address`, fetched into `file`; or an empty text and the reason."""
    file.unlink(missing_ok=True)
    if is_misread(address):
        return "", _MISREAD
    command = [_APT_HELPER, "-q", "-o", "APT::Sandbox::User=root", "download-file", address, str(file)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=_LIMIT_S,
            stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except FileNotFoundError:
        raise LabError(f"{_APT_HELPER} is missing, which fetches Debian's Release files: install apt") from None
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_LIMIT_S} s"
    if done.returncode == 0 and file.is_file():
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(most_chars), ""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    # "Err:1 ADDRESS" is followed by the reason, which is without the address and the credentials in it.
    reasons = [after for line, after in pairwise(lines) if line.startswith("Err:")]
    reasons += [line.removeprefix("E: ") for line in lines if line.startswith("E: The method driver ")]
    return "", shown(reasons[0])[:200] if reasons else f"{_APT_HELPER} ended with {done.returncode}"


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
        # "UTC" is no zone of an e-mail's date: it then has none.
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
