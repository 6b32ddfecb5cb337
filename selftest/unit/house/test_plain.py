"""What is left of long text of a host: what went wrong first is shown first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.plain import first_lines

TEXT = st.text(st.sampled_from("ab \n"), max_size=200)


@given(TEXT, st.integers(1, 60))
def test_the_first_line_is_whole_and_the_rest_is_counted(text: str, most: int) -> None:
    lines = text.strip().splitlines()
    shown = first_lines(text, most).splitlines()
    if not lines:
        assert shown == []
        return
    assert shown[0] == lines[0]
    left = len(lines) - len(shown)
    assert shown == lines or (shown[:-1] == lines[: len(shown) - 1] and f"{left + 1} more line" in shown[-1])
    kept = shown if shown == lines else shown[:-1]
    assert len("\n".join(kept)) <= max(most, len(lines[0]))


@pytest.mark.parametrize("length", [4_000, 1_000_000])
def test_one_endless_line_is_shortened(length: int) -> None:
    text = first_lines("a" * length, 100)
    assert len(text) < 2_200
    assert text.startswith("aaa")
