"""The pockets of Debian's archive that a lab host is built from, as a mirror has them now."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from xenproof.errors import LabError
from xenproof.lab.release_file import ReleaseFile, fetch, parse_release_file
from xenproof.lab.shown import shown

# What apt allows: Acquire::Max-FutureTime.
_MOST_AHEAD = timedelta(seconds=10)
# What apt would read as something else in a line of sources.list: it decodes %HH there, once.
_QUOTED = re.compile(r"[\x00-\x20\x7f%\"#]")
_FOLDER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?://[^/]*)?/+[^/]")
# snapshot.debian.org has the date behind the folder.
_SNAPSHOT = re.compile(r"/debian(?=/\d{8}T\d{6}Z\Z)")


@dataclass(frozen=True, slots=True)
class Pocket:
    """One suite of the archive: its name as asked for, its mirror, and the dates of its Release file (UTC)."""

    suite: str
    uri: str
    date: datetime
    valid_until: datetime | None

    @property
    def source_line(self) -> str:
        """Its line of a sources.list."""
        uri = _QUOTED.sub(lambda found: f"%{ord(found[0]):02x}", self.uri)
        return f"deb {uri} {self.suite} main"


def find_pockets(suites: Sequence[str], mirrors: Sequence[str], *, allow_expired: bool = False) -> list[Pocket]:
    """Each of `suites` on the first of `mirrors` that has it.

    Raises LabError with the name of the suite if none has it, if its Release file is from the future or, unless
    `allow_expired`, no longer valid.
    """
    with TemporaryDirectory(prefix="xenproof-archive-") as folder:
        found = [_find(suite, mirrors, Path(folder)) for suite in suites]
    now = datetime.now(UTC)
    for pocket in found:
        if pocket.date > now + _MOST_AHEAD:
            raise LabError(
                f"the Release file of {pocket.suite} on {shown(pocket.uri)} is of {pocket.date:%Y-%m-%d %H:%M:%S} UTC, "
                f"and this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC: set it, as apt refuses what is "
                "from the future"
            )
        if pocket.valid_until is not None and pocket.valid_until < now and not allow_expired:
            raise LabError(
                f"the archive is frozen: the Release file of {pocket.suite} on {shown(pocket.uri)} is of "
                f"{pocket.date:%Y-%m-%d} and was valid until {pocket.valid_until:%Y-%m-%d}, "
                f"{(now - pocket.valid_until).days} days ago; wait for a new one, set XENPROOF_MIRROR to another "
                "mirror, or build with: xenproof lab build --allow-expired"
            )
    return found


def _find(suite: str, mirrors: Sequence[str], folder: Path) -> Pocket:
    problems = []
    for uri in _places(suite, mirrors):
        text, problem = fetch(uri, suite, folder / "InRelease")
        release = parse_release_file(text)
        if release is not None and release.is_of(suite):
            return Pocket(suite, uri, release.date, release.valid_until)
        problems.append(f"{shown(uri)} ({problem or _other(release)})")
    raise LabError(
        f"no mirror has the suite {suite} of Debian, which the lab host is built from; asked: {', '.join(problems)}; "
        "set XENPROOF_MIRROR to a mirror that has it, or take what the release itself contains: lab://RELEASE@release"
    )


def _other(found: ReleaseFile | None) -> str:
    """Why what a mirror has is not the suite."""
    if found is None:
        return "what it has there is no Release file"
    if found.origin != "Debian":
        return f"it is of another origin, {found.origin[:60]!r}"
    return f"it has the suite {found.suite[:60]!r}, {found.codename[:60]!r}, there"


def _places(suite: str, mirrors: Sequence[str]) -> list[str]:
    """Where `suite` may be: security updates have a folder of their own beside that of the release on most mirrors."""
    folders = [uri.rstrip("/") for uri in mirrors]
    places = [f"{folder}/" for folder in folders]
    if suite.endswith("-security"):
        beside = [folder for folder in folders if _FOLDER.match(folder) and not folder.endswith("-security")]
        places += [_SNAPSHOT.sub("/debian-security", folder) + "/" for folder in beside if _SNAPSHOT.search(folder)]
        places += [f"{folder}-security/" for folder in beside if not _SNAPSHOT.search(folder)]
    return list(dict.fromkeys(places))
