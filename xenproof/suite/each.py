"""The marks of checks: `each` makes one test for each expectation that it selects, `req` names requirements."""

import pytest


def each(pattern: str) -> pytest.MarkDecorator:
    """Run the check once for each expectation of the profile that `pattern` selects.

    `pattern` is FAMILY.ENTRY.ATTRIBUTE, where ENTRY may be `*`: `each("packages.*.version")`.  The
    check gets the expectation as `expected`.  `{name}` and `{value}` in the check's docstring are filled in.
    """
    return pytest.mark.each(pattern)


def req(*ids: str) -> pytest.MarkDecorator:
    """Name the requirements that a check proves, such as "S06"."""
    return pytest.mark.req(*ids)
