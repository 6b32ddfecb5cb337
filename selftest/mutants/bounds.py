"""The versions and numbers at the edges of what a profile allows, on both sides."""

import re
from collections.abc import Iterator

from selftest.mutants.raw import NotPossible
from xenproof.profile.version import Scheme, in_range

# >=4.17
_CONSTRAINT = re.compile(r"\s*(>=|<=|!=|>|<|=)\s*(\S+?)\s*")
_NUMBER = re.compile(r"\d+")
_FILLER = "99"


def constraints(range_: str) -> list[tuple[str, str]]:
    """Operator and bound of each constraint of a range."""
    found = [_CONSTRAINT.fullmatch(part) for part in range_.split(",")]
    return [(match[1], match[2]) for match in found if match is not None]


def outside(range_: str, scheme: Scheme) -> Iterator[tuple[str, str]]:
    """Why and which: a version for each edge of the range that is just beyond it.

    Raises NotPossible where none was found, so that no edge goes untried without a word.
    """
    for operator, bound in constraints(range_):
        candidates = {
            ">=": [("just below the lower bound", below(bound))],
            ">": [("the lower bound itself", bound)],
            "<": [("the upper bound itself", bound)],
            "<=": [("just above the upper bound", above(bound))],
            "=": [("just below the only version", below(bound)), ("just above the only version", above(bound))],
            "!=": [("the version that is excluded", bound)],
        }[operator]
        for why, version in candidates:
            if in_range(version, range_, scheme):
                raise NotPossible(f"{version!r} was to be outside of {range_!r}")
            yield why, version


def inside(range_: str, scheme: Scheme) -> str:
    """A version that the range allows; raises NotPossible if none was found."""
    bounds = [bound for operator, bound in constraints(range_) if operator in (">=", "=", "<=")]
    bounds += [above(bound) for operator, bound in constraints(range_) if operator in (">", "!=")]
    bounds += [below(bound) for operator, bound in constraints(range_) if operator == "<"]
    # A bound without a release stands for all of them, and a package has one.
    wanted = [f"{bound}-1.1" for bound in bounds if scheme == "rpm" and "-" not in bound]
    for version in (*wanted, *bounds):
        if in_range(version, range_, scheme):
            return version
    raise NotPossible(f"no version was found that is within {range_!r}")


def below(version: str) -> str:
    """A version just below another that a host could print: 4.16.99 for 4.17, 8.99 for 9.0.0, 0 for 1.

    Raises NotPossible where there is none, as below 0.
    """
    numbers = [found for found in _NUMBER.finditer(_without_epoch(version)) if int(found[0])]
    if not numbers:
        raise NotPossible(f"there is no version below {version!r}")
    last = numbers[-1]
    offset = len(version) - len(_without_epoch(version))
    head = version[: offset + last.start()] + f"{int(last[0]) - 1:0{len(last[0])}}"
    return head if version.isdecimal() else f"{head}.{_FILLER}"


def above(version: str) -> str:
    """A version just above another that a host could print: 4.18 for 4.17, 4096 for 4095."""
    numbers = list(_NUMBER.finditer(_without_epoch(version)))
    if not numbers:
        raise NotPossible(f"there is no number in the version {version!r}")
    offset = len(version) - len(_without_epoch(version))
    last = numbers[-1]
    return f"{version[: offset + last.start()]}{int(last[0]) + 1:0{len(last[0])}}{version[offset + last.end() :]}"


def _without_epoch(version: str) -> str:
    return version.partition(":")[2] if re.match(r"\d+:", version) else version
