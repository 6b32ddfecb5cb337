"""The page leads with the verdict, needs nothing from outside, and shows logs without trusting them."""

import base64
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from selftest.findings import a_finding
from xenproof.profile.expectation import Level, Status
from xenproof.report.attachment import PAGE_BYTES, PICTURE_BYTES, TAIL_BYTES, Attachments
from xenproof.report.duration import duration
from xenproof.report.html import render_html
from xenproof.report.timeline import chart
from xenproof.results.conclusion import Kind, conclusion
from xenproof.results.exit_status import ExitStatus
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import GuestTimeline, Outcome, Step, Verdict, examined

ONE, TWO = "ssh://root@xen1.example", "lab://debian12"


def run_of(*verdicts: Verdict, exit_status: int, hosts: tuple[str, ...] = (ONE,)) -> Results:
    """A run that holds `verdicts`."""
    about = tuple(HostSummary(url, {"Xen": "4.17.7"}) for url in hosts)
    return Results(
        "debian12",
        "Debian 12",
        "sha256:4f",
        "2026-11-22",
        2.0,
        "0.1.0",
        "pytest",
        about,
        verdicts,
        ExitStatus(exit_status),
    )


def verdict(outcome: Outcome, name: str = "a", *, host: str = ONE, level: Level = Level.MUST) -> Verdict:
    """A verdict without a finding."""
    return Verdict(name, examined(host), "family", f"claim {name}", outcome, level, reason=f"reason {name}")


@pytest.mark.parametrize(
    ("outcomes", "exit_status", "kind", "text"),
    [
        ([Outcome.PASS], 0, Kind.CONFORMS, "conforms to debian12"),
        ([Outcome.PASS, Outcome.NOT_EVALUABLE], 0, Kind.CONFORMS, "conforms to debian12"),
        ([Outcome.PASS, Outcome.FAIL], 1, Kind.DIFFERS, "does not conform to debian12: 1 of 2 checks fails"),
        ([Outcome.ERROR, Outcome.FAIL], 1, Kind.DIFFERS, "does not conform to debian12: 1 of 2 checks fails"),
        ([Outcome.PASS, Outcome.FAIL], 0, Kind.DIFFERS, "does not conform to debian12: 1 of 2 checks fails"),
        ([Outcome.PASS, Outcome.ERROR], 6, Kind.UNKNOWN, "could not be evaluated: 1 of 2 checks ended in error"),
        ([Outcome.NOT_EVALUABLE], 0, Kind.UNKNOWN, "could not be evaluated: no check passed and none failed"),
        ([], 5, Kind.UNKNOWN, "could not be evaluated: no check passed and none failed"),
        ([Outcome.PASS], 2, Kind.UNKNOWN, "could not be evaluated: the run was interrupted"),
        ([Outcome.PASS], 1, Kind.DIFFERS, "does not conform to debian12: the run ended with exit status 1"),
    ],
)
def test_the_conclusion_never_says_more_than_the_verdicts(
    outcomes: list[Outcome], exit_status: int, kind: Kind, text: str, tmp_path: Path
) -> None:
    run = run_of(*map(verdict, outcomes), exit_status=exit_status)
    assert (conclusion(run).kind, conclusion(run).text) == (kind, text)
    heading = re.search(r"<h1>.*?<span>(.*?)</span></h1>", "".join(render_html(run, tmp_path)))
    assert heading is not None
    assert heading[1] == text


def test_a_recommendation_does_not_break_conformance() -> None:
    said = conclusion(run_of(verdict(Outcome.PASS), verdict(Outcome.FAIL, level=Level.SHOULD), exit_status=0))
    assert said.kind is Kind.CONFORMS
    assert said.asides == ("1 of its recommendations is not met",)


def test_what_is_new_in_a_rolling_release_does_not_break_conformance() -> None:
    run = run_of(verdict(Outcome.PASS), *[verdict(Outcome.NEW, level=Level.NEW)] * 2, exit_status=0)
    assert conclusion(run).kind is Kind.CONFORMS
    assert conclusion(run).asides == ("2 values are new: not as in the release from which the profile starts",)


def test_a_host_on_which_nothing_ran_is_not_passed_over() -> None:
    said = conclusion(run_of(verdict(Outcome.PASS), exit_status=0, hosts=(ONE, TWO)))
    assert (said.kind, said.text) == (Kind.UNKNOWN, "could not be evaluated: no check ran on lab://debian12")


def test_the_page_loads_nothing_from_outside(tmp_path: Path) -> None:
    page = "".join(render_html(run_of(verdict(Outcome.FAIL), exit_status=1), tmp_path))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert set(re.findall(r'\b(?:src|href)="([^"#]+)', page)) <= {"data:,", "results.json", "junit.xml", "logs/"}
    assert not re.search(r'\s(?:on\w+|style)="', page)  # the policy would refuse them


def test_expected_and_found_of_a_pass_are_shown(tmp_path: Path) -> None:
    finding = a_finding("dom0_mem=1024M", "dom0_mem=1G", "xl info", "manual", Status.VERIFIED, "debian12.yaml:9")
    page = "".join(render_html(run_of(replace(verdict(Outcome.PASS), findings=(finding,)), exit_status=0), tmp_path))
    for text in ("dom0_mem=1024M", "dom0_mem=1G", "xl info", "manual", "debian12.yaml:9"):
        assert text in page


def test_several_hosts_are_compared_before_anything_else(tmp_path: Path) -> None:
    both = [verdict(Outcome.PASS, "same", host=host) for host in (ONE, TWO)]
    run = run_of(*both, verdict(Outcome.FAIL, "b"), exit_status=1, hosts=(ONE, TWO))
    page = "".join(render_html(run, tmp_path))
    assert 0 < page.index("Hosts side by side") < page.index("What fails")
    assert "1 checks pass on every host" not in page
    assert "1 check passes on every host" in page
    assert "did not run on this host" in page


def test_errors_with_one_cause_are_one_card(tmp_path: Path) -> None:
    down = [replace(verdict(Outcome.ERROR, str(number)), reason="the host is down") for number in range(40)]
    page = "".join(render_html(run_of(*down, exit_status=6), tmp_path))
    assert page.count('<article class="card error"') == 1
    assert "40 checks, one cause" in page


def test_the_log_of_a_failure_is_in_the_page_without_escapes(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/console.txt").write_bytes(b"\x1b[31m<b>panic</b>\x1b[0m\r\n\x00\xff")
    page = "".join(
        render_html(run_of(replace(verdict(Outcome.FAIL), attachments=("console.txt",)), exit_status=1), tmp_path)
    )
    assert "&lt;b&gt;panic&lt;/b&gt;\n\u2400\ufffd" in page
    assert 'href="logs/console.txt"' in page


def test_a_long_log_is_cut_at_a_line_and_the_page_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/long").write_bytes(b"0123456789\n" * 20_000)
    attachments = Attachments(tmp_path)
    first = attachments.read("long")
    assert first.cut
    assert first.tail.startswith("0123456789\n")
    assert TAIL_BYTES - 11 <= len(first.tail) <= TAIL_BYTES
    logs = [attachments.read("long") for _ in range(2 * PAGE_BYTES // TAIL_BYTES)]
    assert sum(len(log.tail) for log in logs) <= PAGE_BYTES
    assert logs[-1].problem == "not shown, the page is long enough; open the file"


PNG = b"\x89PNG\r\n\x1a\n and so on"


def test_a_picture_is_shown_beside_its_check(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/screen.png").write_bytes(PNG)
    with_picture = replace(verdict(Outcome.PASS), attachments=("screen.png",))
    page = "".join(render_html(run_of(with_picture, exit_status=0), tmp_path))
    assert f'<img src="data:image/png;base64,{base64.b64encode(PNG).decode()}" alt="screen.png">' in page
    assert 'href="logs/screen.png"' in page


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.png", b"<svg onload='x()'>"), ("a.txt", PNG), ("../a.png", PNG), ("large.png", PNG + bytes(PICTURE_BYTES))],
)
def test_what_is_no_picture_is_not_shown_as_one(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / name).write_bytes(data)
    assert Attachments(tmp_path).picture(name) == ""


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "..", "", "a\0b", "link", "pipe", "folder", "x" * 300, "\ud800"]
)
def test_a_log_is_never_read_from_elsewhere(name: str, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (logs / "folder").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (logs / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(logs / "pipe")
    found = Attachments(tmp_path).read(name)
    assert found.problem
    assert not found.tail
    assert re.fullmatch(r"logs/[A-Za-z0-9._%-]*", found.href)


def test_time_lines_share_one_axis_and_count_from_their_first_step() -> None:
    slow = GuestTimeline("slow", "PV", (Step("created", 100.0), Step("grub", 105.0), Step("ready", 120.0)))
    fast = GuestTimeline("fast", "PVH", (Step("created", 300.0), Step("ready", 305.0)))
    verdicts = [replace(verdict(Outcome.PASS, str(n)), guest=line) for n, line in enumerate((slow, slow, fast))]
    found = chart(verdicts)
    assert found is not None
    assert [bar.guest.name for bar in found.bars] == ["slow", "fast"]
    assert [(part.from_percent, part.percent) for bar in found.bars for part in bar.segments] == [
        (0, 25),
        (25, 75),
        (0, 25),
    ]
    assert found.marks == ((0, 0), (25, 5), (50, 10), (75, 15), (100, 20))


def test_a_guest_that_several_checks_saw_has_one_bar_with_all_its_steps() -> None:
    early = GuestTimeline("g1", "qdisk", (Step("created", 1.0), Step("ready", 9.0)))
    late = GuestTimeline("g1", "qdisk", (*early.steps, Step("gone", 12.0)))
    for order in ((early, late), (late, early)):
        found = chart([replace(verdict(Outcome.PASS, str(n)), guest=line) for n, line in enumerate(order)])
        assert found is not None
        assert [bar.guest for bar in found.bars] == [late]


def test_no_guest_means_no_chart() -> None:
    assert chart([verdict(Outcome.PASS)]) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0 s"), (0.004, "0.004 s"), (8.64, "8.6 s"), (60, "1 min"), (3725, "1 h 2 min 5 s")]
)
def test_durations_read_well(seconds: float, words: str) -> None:
    assert duration(seconds) == words


MANY = tuple(f"recording://{number}.json" for number in range(40))


def test_a_pass_that_all_hosts_share_is_one_row(tmp_path: Path) -> None:
    found = replace(verdict(Outcome.PASS, "same"), findings=(a_finding("4.17", "4.17.7", "xl info"),))
    shared = [replace(found, hosts=examined(host), seconds=number / 1000) for number, host in enumerate(MANY)]
    page = "".join(render_html(run_of(*shared, exit_status=0, hosts=MANY), tmp_path))
    assert page.count('<tr data-outcome="pass">') == 1
    assert "on every host" in page
    assert "40 pass" in page


def test_a_pass_that_some_hosts_found_otherwise_says_which(tmp_path: Path) -> None:
    found = replace(verdict(Outcome.PASS, "same"), findings=(a_finding("4.17", "4.17.7", "xl info"),))
    other = replace(found, findings=(a_finding("4.17", "4.17.5", "xl info"),))
    mixed = [replace(other if number < 3 else found, hosts=examined(host)) for number, host in enumerate(MANY)]
    page = "".join(render_html(run_of(*mixed, exit_status=0, hosts=MANY), tmp_path))
    assert page.count('<tr data-outcome="pass">') == 2
    assert "on 3 hosts" in page
    assert ", ".join(MANY[:3]) in page


def test_what_does_not_pass_is_never_folded(tmp_path: Path) -> None:
    failed = [replace(verdict(Outcome.FAIL, "same"), hosts=examined(host)) for host in MANY]
    unknown = [
        replace(verdict(Outcome.NOT_EVALUABLE, "other"), hosts=examined(host), reason="no such file") for host in MANY
    ]
    page = "".join(render_html(run_of(*failed, *unknown, exit_status=1, hosts=MANY), tmp_path))
    assert page.count('<tr data-outcome="fail">') == page.count('<tr data-outcome="not-evaluable">') == len(MANY)


def test_of_many_hosts_those_that_conform_are_folded(tmp_path: Path) -> None:
    verdicts = [verdict(Outcome.FAIL if host == MANY[7] else Outcome.PASS, "same", host=host) for host in MANY]
    page = "".join(render_html(run_of(*verdicts, exit_status=1, hosts=MANY), tmp_path))
    assert "<summary>39 hosts conform</summary>" in page
    assert page.index(f"<h3>{MANY[7]}</h3>") < page.index("39 hosts conform") < page.index(f"<h3>{MANY[0]}</h3>")


def test_of_many_hosts_the_worst_stands_first_in_the_comparison(tmp_path: Path) -> None:
    verdicts = [verdict(Outcome.PASS, name, host=host) for host in MANY for name in ("a", "b") if host != MANY[30]]
    verdicts += [verdict(Outcome.FAIL, "a", host=MANY[30]), verdict(Outcome.PASS, "b", host=MANY[30])]
    page = "".join(render_html(run_of(*verdicts, exit_status=1, hosts=MANY), tmp_path))
    matrix = page[page.index('<table class="matrix">') : page.index("</table>")]
    assert matrix.index(f">{MANY[30]}<") < matrix.index(f">{MANY[0]}<") < matrix.index(f">{MANY[1]}<")
    assert matrix.index("badge fail") < matrix.index("badge pass")
