"""Version ranges, compared as dpkg and rpm compare versions.

`univers` is imported only here, because it has no type annotations.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from univers import debian, rpm

from xenproof.errors import ParseError, ProfileError

Scheme = Literal["deb", "rpm"]
SCHEMES: tuple[Scheme, ...] = ("deb", "rpm")

_deb_order: Callable[[str, str], int] = debian.compare_versions
_rpm_order: Callable[[str, str], int] = rpm.compare_rpm_versions

_LONGEST_RANGE, _MOST_CONSTRAINTS = 1000, 32
_LONGEST = 256  # characters; a host may print anything as a version
_SHAPES: dict[Scheme, re.Pattern[str]] = {
    # 1:9.0.0-4+deb12u2
    "deb": re.compile(r"(\d{1,9}:)?\d[A-Za-z0-9.+~-]*(?<!-)", re.ASCII),
    # 4.12.4_52-3.121.1
    "rpm": re.compile(r"(\d{1,9}:)?[A-Za-z0-9][A-Za-z0-9._+~^-]*(?<!-)", re.ASCII),
}
# >= 4.17
_CONSTRAINT = re.compile(r"(>=|<=|!=|>|<|=)\s*([^\s<>=!]+)")
_HOLDS: dict[str, Callable[[int], bool]] = {
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
}


@dataclass(frozen=True, slots=True)
class _Constraint:
    operator: str
    bound: str

    def admits(self, version: str, scheme: Scheme) -> bool:
        return _HOLDS[self.operator](_order(version, self.bound, scheme))


def in_range(version: str, range_: str, scheme: Scheme) -> bool:
    """Whether `version` satisfies every constraint of `range_`, such as ">=4.17, <4.18".

    A bound of an rpm range without a release, such as "=4.12.4", matches every release of that
    version, as in rpm's own dependencies.  Raises ParseError if `version` is not a version of the
    scheme, ProfileError if `range_` is not a range.
    """
    constraints = _constraints(range_, scheme)
    if not _is_version(version, scheme):
        raise ParseError(f"{version[:_LONGEST]!r} is not a {scheme} version, expected one such as '4.17.5-1'")
    return all(constraint.admits(version, scheme) for constraint in constraints)


def validate_range(range_: str, scheme: Scheme) -> None:
    """Raise ProfileError unless `range_` is a valid range that some version of the scheme satisfies."""
    constraints = _constraints(range_, scheme)
    candidates = _candidates(constraints, scheme)
    if not any(all(constraint.admits(version, scheme) for constraint in constraints) for version in candidates):
        raise ProfileError(
            f"expected a version range that some version satisfies, found {range_[:200]!r}: nothing does"
        )


def _constraints(range_: str, scheme: Scheme) -> list[_Constraint]:
    if not range_.strip():
        raise ProfileError("expected a version range such as '>=4.17, <4.18', found an empty string")
    parts = range_.split(",")
    if len(range_) > _LONGEST_RANGE or len(parts) > _MOST_CONSTRAINTS:
        raise ProfileError(
            f"expected a version range of at most {_MOST_CONSTRAINTS} constraints and {_LONGEST_RANGE:,} characters, "
            f"found {len(parts):,} and {len(range_):,}"
        )
    return [_constraint(part.strip(), range_, scheme) for part in parts]


def _constraint(part: str, range_: str, scheme: Scheme) -> _Constraint:
    if (match := _CONSTRAINT.fullmatch(part)) is None:
        raise ProfileError(
            f"expected constraints such as '>=4.17' with one of {' '.join(_HOLDS)}, separated by commas; "
            f"found {part[:80]!r} in the version range {range_[:80]!r}"
        )
    operator, bound = match.groups()
    if not _is_version(bound, scheme):
        raise ProfileError(
            f"expected a {scheme} version after {operator!r}, found {bound[:80]!r} in the range {range_[:80]!r}"
        )
    return _Constraint(operator, bound)


def _is_version(text: str, scheme: Scheme) -> bool:
    return len(text) <= _LONGEST and _SHAPES[scheme].fullmatch(text) is not None


def _order(version: str, bound: str, scheme: Scheme) -> int:
    """A negative number, 0 or a positive number if `version` is below, at or above `bound`."""
    if scheme == "deb":
        return _deb_order(version, bound)
    return _rpm_order(version if "-" in bound else version.partition("-")[0], bound)


def _candidates(constraints: list[_Constraint], scheme: Scheme) -> list[str]:
    """Versions, one of which satisfies the constraints if any version does.

    The versions that satisfy a range form intervals.  The lowest interval begins at a bound, just
    above a bound, or at the lowest version of all.  A tilde sorts before the end of a version, so a run of
    tildes that is longer than any in the range comes close enough.
    """
    tildes = "~" * (max(len(constraint.bound) for constraint in constraints) + 1)
    if scheme == "deb":
        above = ["{}A{}" if "-" in constraint.bound else "{}-0A{}" for constraint in constraints]
        bottom = f"0{tildes}"
    else:
        above = ["{}^{}"] * len(constraints)
        bottom = f"A{tildes}"
    bounds = [constraint.bound for constraint in constraints]
    return [bottom, *bounds, *(text.format(bound, tildes) for text, bound in zip(above, bounds, strict=True))]
