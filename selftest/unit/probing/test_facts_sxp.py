"""S-expressions: xend's own files, and whatever else may stand there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.probing.sxp import Sxp, child, parse_sxp

EXPRESSIONS: st.SearchStrategy[list[Sxp]] = st.lists(
    st.recursive(st.text(max_size=8), lambda inner: st.lists(inner, max_size=4), max_leaves=12), max_size=4
)


def written(expression: Sxp) -> str:
    if isinstance(expression, list):
        return f"({' '.join(map(written, expression))})"
    return "'" + expression.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("# (a)\n", []),
        ("(network-script )", [["network-script"]]),
        ("(vif-script vif-bridge)#x\n(a ('b' \"c d\"))", [["vif-script", "vif-bridge"], ["a", ["b", "c d"]]]),
        (r"(hosts '^localhost$ ^.*\\.example\\.org$')", [["hosts", r"^localhost$ ^.*\.example\.org$"]]),
        (r"""(a 'it\'s' "\x41\102\n\q")""", [["a", "it's", "AB\nq"]]),
        ("(api ((9363 pam '^a$')\n (unix none)))", [["api", [["9363", "pam", "^a$"], ["unix", "none"]]]]),
        ("word()'x'", ["word", [], "x"]),
    ],
)
def test_what_xend_reads(text: str, found: list[Sxp]) -> None:
    assert parse_sxp(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(a", "1 lists have no end"),
        ("(a\n(b\n", "2 lists have no end"),
        ("(a)\n)", r"line 2: a '\)' closes nothing"),
        ("(a)\n\n(b 'c)", "line 3: the quote before 'c\\)' has no end"),
        ('"', "has no end"),
        ("'\\'", "has no end"),
        ("(" * 100_000, "nested more than 64 deep"),
    ],
)
def test_what_has_no_partner_is_refused(text: str, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        parse_sxp(text)


@given(EXPRESSIONS)
def test_what_is_written_is_read_again(expressions: list[Sxp]) -> None:
    assert parse_sxp("\n".join(map(written, expressions)) + "# end") == expressions


@given(st.text(st.sampled_from("()'\"\\#ab \n"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_sxp(text)
    except ParseError:
        return
    assert parse_sxp(" ".join(map(written, found))) == found


def test_a_child_is_found_by_its_name() -> None:
    domain = parse_sxp("(domain (domid 3) (name sles11) (name other) x (device (vif (name eth0))))")[0]
    assert child(domain, "name") == ["sles11"]
    assert child(domain, "vif") is None
    assert child("name", "name") is None
