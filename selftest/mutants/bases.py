"""The good host of each profile: what a real one printed where there is one, else a replica, else a synthesised one."""

from dataclasses import dataclass
from pathlib import Path

from selftest.mutants.recorded import DATA, from_folder
from selftest.mutants.synthesise import SYNTHESISED, synthesise
from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


def replica_recording(name: str) -> Path:
    """Where the recording of the replica of the profile's release is kept, if there is one (selftest/replica)."""
    return DATA / "recordings" / f"{name}-replica.json"


@dataclass(frozen=True, slots=True)
class Base:
    """A good host, and in words where it comes from."""

    recording: Recording
    origin: str


def base(profile: Profile) -> Base:
    """The good host of a profile."""
    if (path := DATA / "recordings" / f"{profile.name}.json").is_file():
        return Base(Recording.read(path), f"real: {path.relative_to(DATA.parent)}")
    if (path := replica_recording(profile.name)).is_file():
        return Base(Recording.read(path), f"replica: {path.relative_to(DATA.parent)}, which is no real host")
    if (folder := DATA / profile.name).is_dir():
        return Base(from_folder(folder), f"real: {folder.relative_to(DATA.parent)}")
    found = synthesise(profile)
    return Base(found, f"synthesised: {found.about[SYNTHESISED]}")
