"""What the hypervisor said since a guest was defined: the end of its log, which is a ring."""

from hypothesis import given
from hypothesis import strategies as st

from xenproof.guest.logs import added_since

BEFORE = b"(XEN) HVM d4v0 save: CPU\n(XEN) d4v0 Triple fault - invoking HVM shutdown action 1\n"
SINCE = b"(XEN) d5v0 Triple fault - invoking HVM shutdown action 1\n"


def test_what_was_there_before_is_left_out() -> None:
    assert added_since(BEFORE, b"(XEN) Xen version 4.17.5\n" + BEFORE + SINCE) == SINCE


def test_nothing_is_said_where_nothing_came() -> None:
    assert added_since(BEFORE, BEFORE) == b""


def test_all_is_told_where_the_log_came_round_and_that_some_is_missing() -> None:
    said = added_since(BEFORE, BEFORE[9:] + SINCE)
    assert said.startswith(b"xenproof: the beginning is gone")
    assert said.endswith(BEFORE[9:] + SINCE)


def test_all_is_told_where_the_log_was_empty_or_could_not_be_read() -> None:
    assert added_since(b"", BEFORE + SINCE) == BEFORE + SINCE


@given(st.binary(), st.binary(min_size=1), st.binary())
def test_what_came_since_is_never_lost(older: bytes, before: bytes, since: bytes) -> None:
    assert added_since(before, older + before + since).endswith(since)
