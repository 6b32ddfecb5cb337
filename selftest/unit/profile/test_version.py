"""Version ranges: as dpkg and rpm compare, and only those that some version can satisfy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError, ProfileError
from xenproof.profile.version import Scheme, in_range, validate_range

OPERATORS = (">=", "<=", ">", "<", "=", "!=")

# The deb rows are what `dpkg --compare-versions` 1.21 says.
KNOWN: list[tuple[Scheme, str, str, bool]] = [
    ("deb", "4.17.5+72-g01140da4e8-1", ">=4.17, <4.18", True),
    ("deb", "4.18.0-1", ">=4.17, <4.18", False),
    ("deb", "4.18~rc1-1", "<4.18", True),
    ("deb", "4.17-1", "=4.17", False),
    ("deb", "4.17-1", "<=4.17", False),
    ("deb", "4.17-0", "=4.17", True),
    ("deb", "4.07", "=4.7", True),
    ("deb", "4.10", ">4.9", True),
    ("deb", "1:1.0", ">9", True),
    ("deb", "0:1.0", "=1.0", True),
    ("deb", "1:7.2+dfsg-7+deb12u12", ">=1:7.2, <1:7.3", True),
    ("deb", "6.1.0-37-amd64", ">=6.1, <6.2", True),
    ("deb", "1.0+b1", ">1.0a", True),
    ("deb", "4.17.5", "!=4.17.4,!=4.17.6", True),
    ("deb", "4.17.5", "!=4.17.5", False),
    ("rpm", "4.12.4_52-3.121.1", ">= 4.12.4_50, < 4.13", True),
    ("rpm", "4.12.4-5", "=4.12.4", True),
    ("rpm", "4.12.4-5", "<=4.12.4", True),
    ("rpm", "4.12.4-5", ">4.12.4", False),
    ("rpm", "4.12.4-5", ">=4.12.4-6", False),
    ("rpm", "4.12.4-5", "!=4.12.4", False),
    ("rpm", "1:4.0-1", ">9", True),
    ("rpm", "1.0~rc1-1", "<1.0", True),
    ("rpm", "1.0^git1-1", ">1.0, <1.0.1", True),
    ("rpm", "4.4.120-92.70-default", ">=4.4.120-92, <4.4.121", True),
]

UNSATISFIABLE: list[tuple[Scheme, str]] = [
    ("deb", ">=5, <4"),
    ("deb", ">5, <5"),
    ("deb", ">=5, <5"),
    ("deb", "=5, !=5"),
    ("deb", ">=5, <=5, !=5.0-0, !=5"),
    ("deb", "=4.17, =4.18"),
    ("deb", "=4.17, >4.17"),
    ("rpm", ">=5, <4"),
    ("rpm", "=5, !=5"),
    ("rpm", "=4.12-3, !=4.12"),
    ("rpm", ">4.12, <=4.12"),
    ("rpm", ">=4.12-3, <4.12"),
]

SATISFIABLE: list[tuple[Scheme, str]] = [
    ("deb", ">=5, <=5"),
    ("deb", ">1.0, <1.0-1"),
    ("deb", ">1.0-1, <1.0-1A~~~"),
    ("deb", "<0~~~"),
    ("deb", ">1.0~, <1.0"),
    ("deb", "!=5"),
    ("rpm", ">=4.12-3, <=4.12"),
    ("rpm", ">4.12-3, <=4.12"),
    ("rpm", "<0~~"),
    ("rpm", ">4.12, <4.12^1"),
]

MALFORMED = ["", "  ", ",", ">=4,", "4.17", ">=", "==4.17", "~>4", ">= 4 5", ">=a b", "=>4", ">=4;<5", ">=v4/5", ">=4-"]

versions = st.builds(
    lambda first, rest, revision: f"{first}{rest}{revision}",
    st.sampled_from("0149"),
    st.text("019aZ~.+", max_size=4),
    st.sampled_from(["", "-0", "-1", "-1~a", "-2A"]),
)
ranges = st.lists(st.tuples(st.sampled_from(OPERATORS), versions), min_size=1, max_size=4).map(
    lambda rows: ", ".join(map("".join, rows))
)
schemes: st.SearchStrategy[Scheme] = st.sampled_from(("deb", "rpm"))


@pytest.mark.parametrize(("scheme", "version", "range_", "within"), KNOWN)
def test_versions_compare_as_the_package_manager_does(scheme: Scheme, version: str, range_: str, within: bool) -> None:
    assert in_range(version, range_, scheme) is within


@pytest.mark.parametrize(("scheme", "range_"), UNSATISFIABLE)
def test_a_range_that_nothing_satisfies_is_refused(scheme: Scheme, range_: str) -> None:
    with pytest.raises(ProfileError, match="nothing does"):
        validate_range(range_, scheme)


@pytest.mark.parametrize(("scheme", "range_"), SATISFIABLE)
def test_a_narrow_range_is_accepted(scheme: Scheme, range_: str) -> None:
    validate_range(range_, scheme)


@pytest.mark.parametrize("scheme", ["deb", "rpm"])
@pytest.mark.parametrize("range_", MALFORMED)
def test_a_malformed_range_is_refused(scheme: Scheme, range_: str) -> None:
    with pytest.raises(ProfileError, match=r"^expected .* found "):
        validate_range(range_, scheme)
    with pytest.raises(ProfileError):
        in_range("4.17", range_, scheme)


@pytest.mark.parametrize(
    "version", ["", "unknown", "4.17 ", "4.17\n", "4.17-", "٤.17", "4.17;rm", "4" * 300, "-1", "a:1"]
)
def test_what_is_no_version_is_an_error_and_no_mismatch(version: str) -> None:
    with pytest.raises(ParseError, match="is not a deb version"):
        in_range(version, ">=4", "deb")


@given(versions, ranges, schemes)
def test_a_range_that_some_version_satisfies_is_accepted(version: str, range_: str, scheme: Scheme) -> None:
    if in_range(version, range_, scheme):
        validate_range(range_, scheme)


@given(versions, versions, schemes)
def test_of_two_versions_exactly_one_order_holds(a: str, b: str, scheme: Scheme) -> None:
    assert [in_range(a, f"{operator}{b}", scheme) for operator in ("<", "=", ">")].count(True) == 1


@given(versions, versions, schemes)
def test_opposite_constraints_exclude_each_other(a: str, b: str, scheme: Scheme) -> None:
    for operator, opposite in ((">=", "<"), ("<=", ">"), ("=", "!=")):
        assert in_range(a, f"{operator}{b}", scheme) is not in_range(a, f"{opposite}{b}", scheme)
        with pytest.raises(ProfileError, match="nothing does"):
            validate_range(f"{operator}{b}, {opposite}{b}", scheme)


@given(versions, ranges, ranges, schemes)
def test_a_comma_means_and(version: str, left: str, right: str, scheme: Scheme) -> None:
    both = in_range(version, f"{left},{right}", scheme)
    assert both is (in_range(version, left, scheme) and in_range(version, right, scheme))


@given(st.text(max_size=20), schemes)
def test_any_text_is_a_range_or_a_profile_error(text: str, scheme: Scheme) -> None:
    try:
        validate_range(text, scheme)
    except ProfileError:
        return
    in_range("4.17", text, scheme)
