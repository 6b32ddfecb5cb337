"""The good host of each profile: what a real one printed where there is one, else a synthesised one."""

from dataclasses import dataclass

from selftest.mutants.recorded import DATA, from_folder
from selftest.mutants.synthesise import SYNTHESISED, synthesise
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


@dataclass(frozen=True, slots=True)
class Base:
    """A good host, and in words where it comes from."""

    recording: Recording
    origin: str


def base(profile: Profile) -> Base:
    """The good host of a profile."""
    if (path := DATA / "recordings" / f"{profile.name}.json").is_file():
        return Base(Recording.read(path), f"real: {path.relative_to(DATA.parent)}")
    if (folder := DATA / profile.name).is_dir():
        return Base(from_folder(folder), f"real: {folder.relative_to(DATA.parent)}")
    found = synthesise(profile)
    return Base(found, f"synthesised: {found.about[SYNTHESISED]}")
