"""Configurations of guests: what a real xl 4.4.1 refused is refused, at the same place, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.corpus import CORPUS, transcripts
from xenproof.xlcfg.cfg_file import Assignment, CfgFile, Trouble, parse_cfg

FOLDER = CORPUS / "xen-4.4.1"
CONFIGS = sorted(path.stem for path in FOLDER.glob("*.cfg"))
ERR = {row.name: row.err for row in transcripts("xen-4.4.1")}
SAID = "config parsing error near `"


def printed(name: str) -> list[str]:
    """What xl said of the file's syntax, such as "4: config parsing error near `os': syntax error, ..."."""
    return [line.partition(".cfg:")[2] for line in ERR[name].splitlines() if SAID in line]


def said(cfg: CfgFile) -> list[str]:
    return [f"{row.line}: {SAID}{row.near}': {row.message}" for row in cfg.troubles]


@pytest.mark.parametrize("name", CONFIGS)
def test_what_xl_refused_is_refused_in_the_same_words(name: str) -> None:
    cfg = parse_cfg((FOLDER / f"{name}.cfg").read_text("utf-8"), appends=False)

    assert said(cfg)[:1] == printed(name)[:1]
    assert bool(cfg.troubles) == bool(printed(name))
    assert cfg.likely_python == ("looks like it contains Python" in ERR[name])


def test_there_are_configurations_of_both_kinds() -> None:
    assert len(CONFIGS) >= 100
    assert len([name for name in CONFIGS if printed(name)]) >= 3


def test_values_are_read() -> None:
    text = "name = 'a\\x41\\n'; memory=0x40 # MiB\n"
    text += "disk = [\n 'phy:/dev/a,xvda,w', # first\n \"b\",\n]\ncpus = [ [ 1 ], 2 ]\n"
    assert parse_cfg(text).assignments == [
        Assignment("name", "aA\n", 1),
        Assignment("memory", "0x40", 1),
        Assignment("disk", ["phy:/dev/a,xvda,w", "b"], 2),
        Assignment("cpus", [["1"], "2"], 6),
    ]


def test_adding_to_a_list_is_known_where_xl_knows_it() -> None:
    text = 'disk = [ "a" ]\ndisk += [ "b" ]\n'
    assert [row.appends for row in parse_cfg(text).assignments] == [False, True]
    assert parse_cfg(text, appends=False).troubles[0].line == 2


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("import os\n", Trouble(1, "os", "syntax error, unexpected IDENT, expecting '='")),
        ("a=1\nb = name\n", Trouble(2, "name", "syntax error, unexpected IDENT, expecting STRING or NUMBER or '['")),
        ('a="x\n', Trouble(1, '"x', "lexical error")),
    ],
)
def test_trouble_has_its_line_and_word(text: str, trouble: Trouble) -> None:
    assert parse_cfg(text, appends=False).troubles[0] == trouble


def test_lists_deeper_than_anybody_writes_them_are_refused() -> None:
    deep = "a = " + "[" * 100 + "1" + "]" * 100 + "\n"
    assert parse_cfg(deep).troubles == []
    for levels in (101, 10_000, 200_000):
        cfg = parse_cfg(f"\na = {'[' * levels}1{']' * levels}\nb = 1\n")
        assert cfg.troubles == [Trouble(2, "[", "more than 100 lists within each other")]
        assert cfg.assignments == [Assignment("b", "1", 3)]
    cfg = parse_cfg("a = " + "[\n" * 10_000)
    assert cfg.troubles[0] == Trouble(101, "[", "more than 100 lists within each other")


def test_what_follows_a_trouble_is_read() -> None:
    cfg = parse_cfg("import os\nname = 'x'\n")
    assert cfg.last("name") == Assignment("name", "x", 2)


@given(st.text(st.sampled_from("ab=,[]\"'\\\n#;+1 (") | st.characters(max_codepoint=300), max_size=60))
def test_anything_is_read_or_refused(text: str) -> None:
    cfg = parse_cfg(text)
    assert all(row.key in text for row in cfg.assignments)
    lines = [row.line for row in cfg.assignments] + [row.line for row in cfg.troubles]
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="'\\"), max_size=20)))
def test_what_is_quoted_comes_back(words: list[str]) -> None:
    cfg = parse_cfg("disk = [ " + ", ".join(f"'{word}'" for word in words) + " ]\n")
    assert cfg.troubles == []
    assert cfg.assignments == [Assignment("disk", list(words), 1)]
