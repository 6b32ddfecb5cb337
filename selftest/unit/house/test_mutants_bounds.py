"""Versions at the edges of ranges: just beyond them, and just within."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.mutants.bounds import above, below, inside, outside
from selftest.mutants.raw import NotPossible
from xenproof.profile.load import list_profiles, load_profile
from xenproof.profile.schema import RANGES
from xenproof.profile.version import Scheme, in_range


@pytest.mark.parametrize(
    ("version", "lower", "higher"),
    [
        ("4.17", "4.16.99", "4.18"),
        ("9.0.0", "8.99", "9.0.1"),
        ("1:7.2", "1:7.1.99", "1:7.3"),
        ("4.4.1_06-2.2", "4.4.1_06-2.1.99", "4.4.1_06-2.3"),
        ("4.4.1_06", "4.4.1_05.99", "4.4.1_07"),
        ("2.02~beta2", "2.02~beta1.99", "2.02~beta3"),
        ("1", "0", "2"),
        ("4095", "4094", "4096"),
    ],
)
def test_neighbours(version: str, lower: str, higher: str) -> None:
    assert (below(version), above(version)) == (lower, higher)


def test_there_is_nothing_below_zero() -> None:
    with pytest.raises(NotPossible, match="no version below"):
        below("0.0")


def test_each_edge_is_tried() -> None:
    assert list(outside(">=4.17, <4.18", "deb")) == [
        ("just below the lower bound", "4.16.99"),
        ("the upper bound itself", "4.18"),
    ]
    assert [version for _, version in outside("=4.4.1_06-2.2", "rpm")] == ["4.4.1_06-2.1.99", "4.4.1_06-2.3"]
    assert [version for _, version in outside(">1, <=4, !=3", "deb")] == ["1", "5", "3"]


def test_the_ranges_of_all_profiles_have_edges_and_an_inside() -> None:
    seen = 0
    for profile in map(load_profile, list_profiles()):
        for expected in profile.expectations.values():
            if (expected.family, expected.attribute) in RANGES:
                seen += 1
                assert list(outside(expected.text, profile.scheme)), expected.key
                assert in_range(inside(expected.text, profile.scheme), expected.text, profile.scheme), expected.key
    assert seen > 100


@given(
    parts=st.lists(st.integers(0, 30), min_size=1, max_size=4).filter(any),
    scheme=st.sampled_from(["deb", "rpm"]),
)
def test_what_is_outside_is_outside_and_what_is_inside_is_inside(parts: list[int], scheme: Scheme) -> None:
    low = ".".join(map(str, parts))
    for range_ in (f">={low}", f"<{above(low)}", f">={low}, <{above(low)}", f"={low}", f"<={low}"):
        assert in_range(inside(range_, scheme), range_, scheme)
        for _, version in outside(range_, scheme):
            assert not in_range(version, range_, scheme)
