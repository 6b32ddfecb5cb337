"""dummy"""

from xenproof.profile.profile import Profile
from xenproof.source.probe import Recording


def synthesise(profile: Profile) -> Recording:
    raise NotImplementedError
