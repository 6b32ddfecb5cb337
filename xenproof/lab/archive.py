"""The pockets of Debian's archive that a lab host is built from, as a mirror has them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from xenproof.errors import LabError
from xenproof.lab.release_file import fetch, parse_release_file, shown


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
        return f"deb {self.uri} {self.suite} main"


def find_pockets(suites: Sequence[str], mirrors: Sequence[str], *, allow_expired: bool = False) -> list[Pocket]:
    """Each of `suites` on the first of `mirrors` that has it.

    Raises LabError with the name of the suite if none has it or, unless `allow_expired`, if its Release file is no
    longer valid.
    """
    with TemporaryDirectory(prefix="xenproof-archive-") as folder:
        found = [_find(suite, mirrors, Path(folder)) for suite in suites]
    now = datetime.now(UTC)
    for pocket in found:
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
        problems.append(f"{shown(uri)} ({problem or 'it is of another origin'})")
    raise LabError(
        f"no mirror has the suite {suite} of Debian, which the lab host is built from; asked: {', '.join(problems)}; "
        "set XENPROOF_MIRROR to a mirror that has it, or take what the release itself contains: lab://RELEASE@release"
    )


def _places(suite: str, mirrors: Sequence[str]) -> list[str]:
    """Where `suite` may be: security updates have a folder of their own beside that of the release on most mirrors."""
    places = [f"{uri.rstrip('/')}/" for uri in mirrors]
    if suite.endswith("-security"):
        folders = [uri.rstrip("/") for uri in mirrors if urlsplit(uri).path.strip("/")]
        places += [f"{folder}-security/" for folder in folders if not folder.endswith("-security")]
    return sorted(set(places), key=places.index)
