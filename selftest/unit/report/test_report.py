"""The three reports of one run are whole, agree with each other, and survive whatever a host printed."""

import errno
import json
import os
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selftest.findings import a_finding
from xenproof.errors import XenproofError
from xenproof.profile.expectation import Status
from xenproof.report.html import render_html
from xenproof.report.junit import render_junit
from xenproof.report.write import write_reports
from xenproof.results.exit_status import ExitStatus
from xenproof.results.json_file import render_json
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import GuestTimeline, Outcome, Step, Verdict, examined

HOST = "ssh://root@xen1.example"
HOSTILE = "<script>alert(1)</script>]]>&amp;'\"\x1b]0;owned\x07\x1b[2J\x00\x85\ud800\uffff\u202e{{ 7*7 }}[red]"
SKIPPED = (Outcome.NEW, Outcome.WAIVED, Outcome.NOT_APPLICABLE, Outcome.NOT_EVALUABLE)


def run_of(*verdicts: Verdict, exit_status: int = 1, host: HostSummary | None = None) -> Results:
    """A run that holds `verdicts`."""
    about = host or HostSummary(HOST, {"Xen": "4.17.7", "kernel": "6.1.0-28-amd64"})
    return Results(
        profile="debian12",
        profile_title="Debian 12 dom0 with Xen 4.17",
        profile_digest="sha256:4f1c09d2",
        started="2026-11-22T23:40:00Z",
        seconds=83.4,
        xenproof_version="0.1.0",
        command="pytest --profile debian12",
        hosts=(about,),
        verdicts=verdicts,
        exit_status=ExitStatus(exit_status),
        notes=("the lab ran without KVM",),
    )


def one_of_each() -> Results:
    """A run with each outcome, one more of it each time, so that no two counts are alike."""
    finding = a_finding(
        "4.17.7", "4.16.2", "dpkg-query -W", "release notes", Status.VERIFIED, "debian12.yaml:4", "upgrade"
    )
    line = GuestTimeline("pv1", "PV guest by grub.xen", (Step("created", 3.0), Step("grub", 4.5), Step("ready", 9.0)))
    verdicts = [
        Verdict(
            id=f"packages.{outcome}-{number}.version",
            hosts=examined(HOST),
            family="packages" if number % 2 else "guests",
            title=f"package {number} has its version",
            outcome=outcome,
            req=("S06",),
            findings=(finding,) if outcome in (Outcome.PASS, Outcome.FAIL) else (),
            reason="" if outcome is Outcome.PASS else f"because of {outcome}",
            seconds=0.01,
            guest=line if outcome is Outcome.PASS else None,
        )
        for index, outcome in enumerate(Outcome, 1)
        for number in range(index)
    ]
    return run_of(*verdicts)


def counts_in_json(text: str) -> Counter[str]:
    return Counter(verdict["outcome"] for verdict in json.loads(text)["verdicts"])


def counts_in_junit(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for case in ET.fromstring(text).iter("testcase"):  # noqa: S314  # written by ourselves a moment ago
        found[next(p.attrib["value"] for p in case.iter("property") if p.attrib["name"] == "outcome")] += 1
    return found


def counts_in_html(text: str) -> Counter[str]:
    slugs = Counter(re.findall(r'<tr data-outcome="([a-z-]+)">', text))
    return Counter({slug.replace("-", " "): number for slug, number in slugs.items()})


def test_junit_json_and_html_agree_in_counts(tmp_path: Path) -> None:
    run = one_of_each()
    write_reports(run, tmp_path)
    expected = Counter(str(verdict.outcome) for verdict in run.verdicts)
    assert counts_in_json((tmp_path / "results.json").read_text("utf-8")) == expected
    assert counts_in_junit((tmp_path / "junit.xml").read_text("utf-8")) == expected
    assert counts_in_html((tmp_path / "report.html").read_text("utf-8")) == expected


def test_junit_totals_follow_the_elements() -> None:
    run = one_of_each()
    root = ET.fromstring("".join(render_junit(run)))  # noqa: S314  # written by ourselves a moment ago
    for element in (root, *root.iter("testsuite")):
        assert int(element.attrib["tests"]) == len(list(element.iter("testcase"))) == len(run.verdicts)
        assert int(element.attrib["failures"]) == len(list(element.iter("failure"))) == run.count(Outcome.FAIL)
        assert int(element.attrib["errors"]) == len(list(element.iter("error"))) == run.count(Outcome.ERROR)
        assert int(element.attrib["skipped"]) == len(list(element.iter("skipped"))) == sum(map(run.count, SKIPPED))


def test_junit_failure_says_expected_found_by_source_and_hint() -> None:
    root = ET.fromstring("".join(render_junit(one_of_each())))  # noqa: S314  # written by ourselves a moment ago
    failure = next(root.iter("failure"))
    for word in ("4.17.7", "4.16.2", "dpkg-query -W", "release notes", Status.VERIFIED, "debian12.yaml:4", "upgrade"):
        assert word in (failure.text or "")
    assert "expected 4.17.7, found 4.16.2" in failure.attrib["message"]


def test_junit_suite_names_host_profile_and_digest() -> None:
    root = ET.fromstring("".join(render_junit(one_of_each())))  # noqa: S314  # written by ourselves a moment ago
    suite = next(root.iter("testsuite"))
    found = {p.attrib["name"]: p.attrib["value"] for p in suite.iterfind("properties/property")}
    assert (found["host"], found["profile"], found["digest"]) == (HOST, "debian12", "sha256:4f1c09d2")
    assert {p.attrib["value"] for p in suite.iter("property") if p.attrib["name"] == "req"} == {"S06"}


def test_junit_failure_without_any_text_is_still_a_failure() -> None:
    bare = Verdict(id="a", hosts=examined(HOST), family="f", title="", outcome=Outcome.FAIL)
    root = ET.fromstring("".join(render_junit(run_of(bare, replace(bare, outcome=Outcome.ERROR)))))  # noqa: S314  # our own
    assert (len(list(root.iter("failure"))), len(list(root.iter("error")))) == (1, 1)


def test_junit_has_a_suite_for_a_host_without_verdicts() -> None:
    run = run_of(Verdict(id="a", hosts=examined("ssh://other"), family="f", title="t", outcome=Outcome.PASS))
    root = ET.fromstring("".join(render_junit(run)))  # noqa: S314  # written by ourselves a moment ago
    assert [suite.attrib["name"] for suite in root.iter("testsuite")] == [HOST, "ssh://other"]


def everywhere(text: str, outcome: Outcome = Outcome.FAIL) -> Results:
    """A run that has `text` in each of its fields that a host or a user can fill."""
    verdict = Verdict(
        id=text,
        hosts=examined(text),
        family=text,
        title=text,
        outcome=outcome,
        req=(text,),
        findings=(a_finding(text, text, text, text, Status.VERIFIED, text, text),),
        reason=text,
        details=text,
        attachments=(text,),
        guest=GuestTimeline(text, text, (Step(text, 0.0), Step(text, 1.0))),
    )
    bare = replace(verdict, findings=(), guest=None)
    run = run_of(verdict, bare, host=HostSummary(text, {text: text}))
    return replace(run, profile=text, profile_title=text, command=text, started=text, notes=(text,))


def assert_harmless(run: Results, folder: Path) -> None:
    """All three reports are well formed, have every verdict, and hold no control character."""
    xml, page, data = "".join(render_junit(run)), "".join(render_html(run, folder)), "".join(render_json(run))
    assert len(list(ET.fromstring(xml).iter("testcase"))) == len(run.verdicts)  # noqa: S314  # our own
    assert len(json.loads(data)["verdicts"]) == len(run.verdicts)
    assert counts_in_html(page).total() == len(run.verdicts)
    for text in (xml, page, data):
        text.encode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", text)


@pytest.mark.parametrize("outcome", Outcome)
def test_hostile_text_stays_text(outcome: Outcome, tmp_path: Path) -> None:
    run = everywhere(HOSTILE, outcome)
    assert_harmless(run, tmp_path)
    page = "".join(render_html(run, tmp_path))
    assert page.count("<script>") == 1
    assert "alert(1)</script" not in page
    assert "{{ 7*7 }}" in page
    assert "&amp;amp;" in page


def test_a_megabyte_is_shortened_on_the_page_and_whole_in_json(tmp_path: Path) -> None:
    run = everywhere("x" * (1 << 20))
    assert_harmless(run, tmp_path)
    assert len("".join(render_html(run, tmp_path))) < 1 << 20
    assert "characters left out; all of it is in results.json" in "".join(render_html(run, tmp_path))
    assert len(json.loads("".join(render_json(run)))["verdicts"][0]["details"]) == 1 << 20


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(), max_size=60), outcome=st.sampled_from(Outcome))
def test_no_text_breaks_a_report(text: str, outcome: Outcome, tmp_path: Path) -> None:
    assert_harmless(everywhere(text, outcome), tmp_path)


def test_json_keeps_the_order_of_its_keys_and_the_host_s_text() -> None:
    run = everywhere(HOSTILE)
    assert "".join(render_json(run)) == "".join(render_json(run))
    data = json.loads("".join(render_json(run)))
    assert data["verdicts"][0]["findings"][0]["found"] == HOSTILE
    assert list(data)[:3] == ["format", "profile", "profile_title"]


def test_reports_replace_the_former_ones_and_leave_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    write_reports(one_of_each(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junit.xml", "report.html", "results.json"]
    assert (tmp_path / "report.html").read_text("utf-8") != "old"


def test_a_full_disk_is_an_error_that_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "report.html").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    names = r"results\.json, junit\.xml, report\.html"
    with pytest.raises(XenproofError, match=f"cannot write {names} into .*disk is full"):
        write_reports(one_of_each(), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.html", "old")]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("")
    with pytest.raises(XenproofError, match="a file stands where the folder should be"):
        write_reports(one_of_each(), tmp_path / "latest")
