"""The score of a profile by its name, and what no mutator covers: what one process of a whole run does."""

from collections.abc import Sequence
from functools import cache

from selftest.mutants.bases import base
from selftest.mutants.checks import Check, load_checks
from selftest.mutants.hunt import hunt
from selftest.mutants.registry import ELSEWHERE, mutator
from selftest.mutants.score import Problem, ProfileScore
from xenproof.errors import XenproofError
from xenproof.profile.load import load_profile
from xenproof.profile.schema import FAMILY_SHAPES


def without_mutator(checks: Sequence[Check]) -> list[str]:
    """What checks judge and what profiles may say, without anything that could break it; FAMILY.ATTRIBUTE each."""
    judged = {check.selects for check in checks}
    said = {(family, name) for family, shape in FAMILY_SHAPES.items() for name in shape.attributes}
    return sorted(
        f"{family}.{name}" for family, name in judged | said if family not in ELSEWHERE and not mutator(family, name)
    )


def score_of(name: str) -> ProfileScore:
    """The score of one profile by its name."""
    try:
        profile = load_profile(name)
        good = base(profile)
    except XenproofError as error:
        return ProfileScore(name, "none", problems=(Problem("the whole profile", str(error)),))
    return hunt(profile, good.recording, good.origin, _checks())


@cache
def _checks() -> tuple[Check, ...]:
    return load_checks()
