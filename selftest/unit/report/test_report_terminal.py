"""The closing words on a terminal say what failed and carry nothing that a terminal obeys."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from selftest.findings import a_finding
from xenproof.plain import log_text, shortened, visible
from xenproof.profile.expectation import Level, Status
from xenproof.report.terminal import summary
from xenproof.results.exit_status import ExitStatus
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import Outcome, Verdict, examined

HOST = "ssh://root@xen1.example"


def run_of(*verdicts: Verdict, exit_status: int = 1) -> Results:
    """A run that holds `verdicts`."""
    hosts = tuple(HostSummary(url) for url in dict.fromkeys([HOST, *(verdict.host for verdict in verdicts)]))
    return Results(
        "debian12", "Debian 12", "d", "2026-11-22", 2.0, "0.1.0", "pytest", hosts, verdicts, ExitStatus(exit_status)
    )


def verdict(outcome: Outcome, text: str = "x", *, host: str = HOST, level: Level = Level.MUST) -> Verdict:
    """A verdict with `text` in each of its texts."""
    finding = a_finding(text, text, text, text, Status.VERIFIED, text, text)
    return Verdict(text, examined(host), text, text, outcome, level, (text,), (finding,), text)


def shown(run: Results, *, encoding: str = "utf-8", report: Path | None = None) -> str:
    """What a terminal without colours would show of `run`."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, newline="\n") as file:
        summary(run, Console(file=file, width=80, color_system=None), report)
        file.flush()
        return raw.getvalue().decode(encoding)


def test_a_failure_says_expected_found_and_try() -> None:
    finding = a_finding("4.17.7", "4.16.2", "dpkg-query -W", "notes", Status.VERIFIED, "debian12.yaml:4", "upgrade it")
    failed = Verdict(
        "packages.xen", examined(HOST), "packages", "xen has its version", Outcome.FAIL, findings=(finding,)
    )
    assert shown(run_of(failed)).splitlines()[:6] == [
        "FAIL  xen has its version",
        "      expected  4.17.7",
        "                from debian12.yaml:4: notes (verified)",
        "      found     4.16.2",
        "                by dpkg-query -W",
        "      try       upgrade it",
    ]


def test_the_verdict_of_each_host_and_the_report_come_last() -> None:
    run = run_of(verdict(Outcome.FAIL), verdict(Outcome.PASS, host="lab://debian12"))
    text = shown(run, report=Path("reports/latest/report.html"))
    assert f"{HOST}  does not conform to debian12: 1 of 1 check fails" in text
    assert "lab://debian12  conforms to debian12" in text
    assert "Overall: does not conform to debian12: 1 of 2 checks fails" in text
    assert text.rstrip().endswith("report: reports/latest/report.html")


def test_errors_with_one_cause_are_shown_once() -> None:
    text = shown(run_of(*[verdict(Outcome.ERROR, "the lab did not boot")] * 140, exit_status=6))
    assert text.count("ERROR") == 1
    assert "139 more with the same cause" in text


def test_many_failures_end_in_a_count() -> None:
    text = shown(run_of(*[verdict(Outcome.FAIL)] * 50))
    assert text.count("FAIL") == 20
    assert "and 30 more, in the report" in text


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=50), outcome=st.sampled_from(Outcome), encoding=st.sampled_from(["utf-8", "ascii"]))
def test_no_host_text_moves_the_cursor(text: str, outcome: Outcome, encoding: str) -> None:
    printed = shown(run_of(verdict(outcome, text)), encoding=encoding)
    assert all(char == "\n" or char == "\t" or not (ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0) for char in printed)


def test_markup_and_escapes_are_shown_as_they_are() -> None:
    printed = shown(run_of(verdict(Outcome.FAIL, "[red]a[/red] \x1b[2Jb\x00 [link=x]")))
    assert "[red]a[/red] \u241b[2Jb\u2400 [link=x]" in printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[32mok\x1b[0m\r\n", "ok\n"),
        ("a\r\r\nb\rc", "a\nb\nc"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1bPq payload\x1b\\text", "text"),
        ("\x1b(Btext\x1bc", "text"),
        ("\x9b31mtext", "text"),
        ("\x1b]0;never ends, and hides nothing\n", "0;never ends, and hides nothing\n"),
        ("\x1b", "\u241b"),
        ("tab\tstays", "tab\tstays"),
    ],
)
def test_a_log_loses_its_escape_sequences_only(text: str, expected: str) -> None:
    assert log_text(text) == expected


@given(st.text(max_size=200))
def test_visible_drops_nothing_and_changes_nothing_twice(text: str) -> None:
    assert len(visible(text)) == len(text)
    assert visible(visible(text)) == visible(text)
    assert visible(log_text(text)) == log_text(text)


def test_a_megabyte_of_open_sequences_is_read_in_linear_time() -> None:
    assert log_text("\x1b]" * (1 << 19)) == ""


def test_shortened_keeps_both_ends() -> None:
    text = shortened("a" + "x" * 1000 + "b", 100)
    assert text.startswith("a")
    assert text.endswith("b")
    assert "902 characters left out" in text


def test_a_long_explanation_is_cut_between_its_lines() -> None:
    lines = [f"setting {number} lives in another place today" for number in range(20)]
    finding = a_finding("yes", "\n".join(["no: 20 are missing", *lines]), "a file")
    text = shown(
        run_of(
            Verdict("xend", examined(HOST), "xend", "Old settings have their place", Outcome.FAIL, findings=(finding,))
        )
    )
    assert "      found     no: 20 are missing\n                setting 0 lives" in text
    assert "                ... and 13 more lines, in the report\n" in text
    assert "left out" not in text
