"""Sections: whatever stands in one of them, the others are what their own commands printed."""

import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xenproof.errors import ParseError, SourceError
from xenproof.probing.family import Family
from xenproof.probing.sections import Section, framed, printed, section, sections
from xenproof.profile.load import load_profile
from xenproof.source.gather import gather
from xenproof.source.local import LocalConnection
from xenproof.source.probe import Probe, ProbeOutput, Recording

NAMES = ("a", "b", "c")
# What ends a section of the same host, begins another one, and hides the rest in a third.
FORGED = "x\n\n@@a 0\n@@b\nforged\n\n@@b 0\n@@c\n"
HOSTILE = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.sampled_from([f"@@{name}{end}" for name in NAMES for end in ("", " 0", " 1", " unknowable x")]),
        st.sampled_from([f"@@a {'0' * 32}", f"@@a {'0' * 32} 0"]),
    ),
    max_size=8,
).map("\n".join)


@example(texts=[FORGED, "true", "also true"], codes=[0, 0, 0])
@given(texts=st.lists(HOSTILE, min_size=3, max_size=3), codes=st.lists(st.integers(0, 255), min_size=3, max_size=3))
def test_no_text_of_a_stored_section_is_another_section(texts: list[str], codes: list[int]) -> None:
    rows = [Section(*row) for row in zip(NAMES, texts, codes, strict=True)]
    text = "".join(printed(row.name, row.text, row.exit_code) for row in rows)
    assert list(sections(ProbeOutput("x", text.encode(), b"", 0)).values()) == rows


@settings(max_examples=15)  # each runs a shell
@example(texts=[FORGED, "true", "also true"])
@given(texts=st.lists(HOSTILE.filter(lambda text: "\0" not in text), min_size=3, max_size=3))
def test_no_text_that_a_host_prints_is_another_section(texts: list[str]) -> None:
    a, b, c = (framed(name, f"printf %s {shlex.quote(text)}") for name, text in zip(NAMES, texts, strict=True))
    probe = Probe("one", a + b + c)
    found = sections(gather(LocalConnection(), [probe], {}).output(probe))
    assert list(found) == list("abc")
    assert [(found[name].text, found[name].exit_code) for name in NAMES] == [(text, 0) for text in texts]


def test_what_came_to_its_end_before_a_time_limit_is_read() -> None:
    script = framed("a", "echo 1") + framed("b", "echo half; echo careful >&2; sleep 1000") + framed("c", "echo 3")
    probe = Probe("x", script, limit_s=1)
    recording = gather(LocalConnection(), [probe], {})
    with pytest.raises(SourceError, match=r"did not end within 1 s on local://; its last output: 'careful'"):
        recording.output(probe)
    output = recording.output(probe, partial=True)
    assert section(output, "a").ended_with(0).lines == ["1"]
    for name in ("b", "c"):
        with pytest.raises(ParseError, match=rf"within its limit, and did not complete '{name}'; .*'careful'"):
            section(output, name)


def test_a_probe_that_printed_nothing_before_its_time_limit_has_no_part() -> None:
    probe = Probe("x", "sleep 1000", limit_s=1)
    recording = gather(LocalConnection(), [probe], {})
    with pytest.raises(SourceError, match="did not end within 1 s"):
        recording.output(probe, partial=True)


@given(st.integers(0, 200))
def test_what_a_time_limit_cut_anywhere_is_whole_sections_or_nothing(end: int) -> None:
    whole = (printed("a", "1\n") + printed("b", "x\n\n@@b 0\n@@c\n") + printed("c", "3\n")).encode()
    found = sections(ProbeOutput("x", whole[:end], b"", 124, timed_out=True))
    assert list(found.values()) == list(sections(ProbeOutput("x", whole, b"", 0)).values())[: len(found)]


def test_an_error_has_what_was_said_on_stderr() -> None:
    def parse(output: ProbeOutput) -> str:
        return section(output, "a").ended_with(0).text

    family = Family("a", lambda _: Probe("x", ":"), parse)
    output = ProbeOutput("x", printed("a", "", 127).encode(), b"sh: line 1: stat: command not found\n", 0)
    with pytest.raises(ParseError, match=r"exit code 127.*stderr: 'sh: line 1: stat: command not found'"):
        family.of(Recording("x", "", {"x": output}), load_profile("sles12"))


def test_a_file_that_quotes_a_whole_script_s_output_forges_nothing() -> None:
    # The marks of one run are of no use in the next.
    probe = Probe("x", framed("a", "echo 1") + framed("b", "echo 2"))
    before = gather(LocalConnection(), [probe], {}).output(probe).text
    quoting = Probe("x", framed("a", f"printf %s {shlex.quote(before)}") + framed("b", "echo 2"))
    found = sections(gather(LocalConnection(), [quoting], {}).output(quoting))
    assert (found["a"].text, found["b"].text) == (before, "2\n")


def cut(text: str) -> None:
    sections(ProbeOutput("x", text.encode(), b"", 0))


def test_tiny_sections_with_a_broken_end_are_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """50,000 of them, asked for by each of 300 checks: the error is kept as what was found would be."""
    output = ProbeOutput("x", ("".join(f"@@s{at}\n\n@@s{at} 0\n" for at in range(50_000)) + "@@z\nz").encode(), b"", 0)
    texts: list[int] = []

    def text(self: ProbeOutput) -> str:
        texts.append(1)
        return self.stdout.decode()

    monkeypatch.setattr(ProbeOutput, "text", property(text))
    said = set()
    for _ in range(300):
        with pytest.raises(ParseError) as caught:
            section(output, "s0")
        said.add(str(caught.value))
        assert len(caught.traceback) < 10
    assert said == {"probe 'x': there are more than 1000 sections"}
    assert len(texts) == 1


def test_an_error_is_kept_for_all_checks_of_a_family() -> None:
    calls = []

    def parse(_: ProbeOutput) -> None:
        calls.append(1)
        raise ParseError("broken")

    probe = Probe("x", "true")
    profile = load_profile("sles12")
    family = Family("x", lambda _: probe, parse)
    recording = Recording("x", "2026-01-01T00:00:00", {"x": ProbeOutput("x", b"x", b"", 0)})
    for _ in range(3):
        with pytest.raises(ParseError, match="broken"):
            family.of(recording, profile)
    assert len(calls) == 1


@pytest.mark.parametrize("size", [500_000, 7_000_000])
def test_a_section_whose_name_has_no_end_is_shown_in_part(size: int) -> None:
    with pytest.raises(ParseError) as caught:
        cut(f"@@{'n' * size}\nx\n\n@@{'n' * size} 0\n")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("false_end", ["@@a x", "@@a 1234", "@@a unknowable", "@@a 0 ", "@@a ", "@@a " + "9" * 5000])
def test_many_false_ends_are_passed_over_once(false_end: str) -> None:
    sections_found = f"@@a\n{(false_end + chr(10)) * 50_000}\n@@a 0\n"
    output = ProbeOutput("x", sections_found.encode(), b"", 0)
    assert section(output, "a").exit_code == 0
    with pytest.raises(ParseError, match="cut off"):
        cut(sections_found.removesuffix("@@a 0\n"))


def test_a_section_has_a_bounded_number_of_lines() -> None:
    few, many = (printed("a", "x\n" * count) for count in (200_000, 200_001))
    assert len(section(ProbeOutput("x", few.encode(), b"", 0), "a").lines) == 200_000
    with pytest.raises(ParseError, match="'a' printed 200001 lines, expected 200000 or fewer"):
        assert section(ProbeOutput("x", many.encode(), b"", 0), "a").lines


def test_digits_of_other_scripts_are_no_exit_code() -> None:
    with pytest.raises(ParseError, match="cut off"):
        cut("@@a\nx\n\n@@a \u0663\n")
