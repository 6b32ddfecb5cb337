"""Checks as tables: one test function, one verdict for each value of the profile that it is about."""

import pytest


def each(pattern: str) -> pytest.MarkDecorator:
    """Run the check once for each expectation of the profile that `pattern` selects.

    `pattern` is FAMILY.ENTRY.ATTRIBUTE, where ENTRY may be `*`: `each("packages.*.version")`.  The
    check gets it as `expected`.  `{name}` and `{value}` in the check's docstring are filled in.
    """
    return pytest.mark.each(pattern)


def req(*ids: str) -> pytest.MarkDecorator:
    """Name the requirements that a check proves, such as "S06"."""
    return pytest.mark.req(*ids)
