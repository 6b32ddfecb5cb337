"""A thing that is gone has no state, so its other checks are not evaluable: one has to be there that fails."""

import pytest

from xenproof.profile.load import list_profiles, load_profile

# What says of each entry of a family that it is there.
GUARDS = {"bridges": "exists", "files": "exists", "packages": "installed", "tools": "runs", "units": "exists"}


@pytest.mark.parametrize("name", list_profiles())
def test_nothing_can_go_away_without_a_failure(name: str) -> None:
    profile = load_profile(name)
    found = {(expected.family, expected.name) for expected in profile.expectations.values()}
    unguarded = [
        f"{family}.{entry}.{guard}"
        for family, guard in GUARDS.items()
        for entry in profile.entries(family)
        if (family, entry) in found and profile.get(family, entry, guard) is None
    ]
    assert unguarded == []
