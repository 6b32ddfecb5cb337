"""The source supportconfig://PATH."""

from pathlib import Path

from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


def read_supportconfig(url: str, path: Path, profile: Profile) -> Recording:
    """The recording."""
    raise NotImplementedError
