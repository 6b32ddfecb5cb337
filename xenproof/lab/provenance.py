"""What the image of a lab host was built from: the pockets of the archive with their dates, and the packages."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from xenproof.codec import from_plain, to_plain
from xenproof.errors import LabError, ParseError
from xenproof.lab.release_file import parse_release_file

MAX_AGE = timedelta(days=30)
"""An older image is reported as such: a release's security updates come every few days."""
# The packages whose versions decide how a dom0 behaves.
_STACK = (
    "xen-hypervisor-*-amd64", "linux-image-[0-9]*", "libvirt-daemon", "qemu-system-xen", "qemu-system-x86",
    "grub-xen-host",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PocketDate:
    """A suite of the archive, by its code name, and the date of its Release file (UTC)."""

    codename: str
    date: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """Pockets, the versions of the stack's packages, a hash over all packages, and when the image was built (UTC)."""

    pockets: tuple[PocketDate, ...]
    stack: Mapping[str, str]
    packages_digest: str
    built: datetime

    @property
    def identity(self) -> str:
        """The same for two images of one recipe if and only if they were built from the same pockets and packages."""
        pockets = [(pocket.codename, pocket.date.isoformat()) for pocket in self.pockets]
        return hashlib.sha256(json.dumps([pockets, self.packages_digest]).encode()).hexdigest()[:8]

    @property
    def summary(self) -> str:
        """One line, as in "bookworm of 2026-07-11, bookworm-security of 2026-11-26: libvirt-daemon 9.0.0-4, ..."."""
        pockets = ", ".join(f"{pocket.codename} of {pocket.date:%Y-%m-%d}" for pocket in self.pockets)
        return f"{pockets}: {', '.join(f'{name} {version}' for name, version in sorted(self.stack.items()))}"

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(to_plain(self)), "utf-8")

    @classmethod
    def read(cls, file: Path) -> "Provenance":
        """The one that `write` wrote; raises LabError where the file is missing or broken."""
        try:
            return from_plain(cls, json.loads(file.read_bytes()))
        except (OSError, ValueError, ParseError) as error:
            raise LabError(f"{file} does not say what the lab image was built from: {error}") from error


def provenance(lists: Path, packages: str, suites: Sequence[str]) -> Provenance:
    """What was installed: from apt's verified Release files, and from lines "NAME VERSION", one for each package.

    Raises LabError where one of `suites` was not used.
    """
    pockets, names = set(), set()
    for path in sorted(lists.iterdir()):
        release = parse_release_file(path.read_text("utf-8", "replace"))
        if release is not None:
            pockets.add(PocketDate(release.codename, release.date))
            names |= {release.codename, release.suite}
    if missing := [suite for suite in suites if suite not in names]:
        raise LabError(
            f"the packages were installed without {', '.join(missing)}: the mirror has only "
            f"{', '.join(sorted(names))}; set XENPROOF_MIRROR to a mirror that has all, or take what the release "
            "itself contains: RELEASE@release"
        )
    versions = dict(line.split(" ", 1) for line in sorted(packages.splitlines()) if " " in line)
    return Provenance(
        tuple(sorted(pockets, key=lambda pocket: pocket.codename)),
        {name: version for name, version in versions.items() if any(fnmatchcase(name, each) for each in _STACK)},
        hashlib.sha256(json.dumps(sorted(versions.items())).encode()).hexdigest()[:16],
        datetime.now(UTC).replace(microsecond=0),
    )


def too_old(provenance: Provenance, release: str) -> str:
    """The advice to build it anew where it is older than MAX_AGE; otherwise an empty text."""
    age = datetime.now(UTC) - provenance.built
    if age <= MAX_AGE:
        return ""
    return f"it was built {age.days} days ago; for what the archive has now: xenproof lab build --fresh {release}"
