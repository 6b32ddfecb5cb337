"""The load of a host: in the terminal where it matters, once for each host; on the page and in the data always."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from selftest.findings import a_finding
from xenproof.report.html import render_html
from xenproof.report.junit import render_junit
from xenproof.report.terminal import summary
from xenproof.results.exit_status import ExitStatus
from xenproof.results.host_load import HostLoad
from xenproof.results.json_file import parse_results, render_json
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import Outcome, Verdict, examined

LAB, REAL = "lab://debian12", "ssh://root@xen1"
STARVED = HostLoad(40.0, ran_s=20.0, denied_s=60.0, pressure=0.99)
WELL = HostLoad(40.0, ran_s=60.0, denied_s=6.0, pressure=0.2)
BUSY = HostLoad(40.0, pressure=0.5, steal=0.25, load=7.5)
ONCE = "starved: in 2 checks that failed or have an error, its QEMU was denied 75% of the processor time that it wanted"


def verdict(outcome: Outcome, load: HostLoad | None, host: str = LAB, reason: str = "no domain") -> Verdict:
    finding = (a_finding("ready", "not ready"),) if outcome is Outcome.FAIL else ()
    return Verdict("test_x", examined(host), "guest", "It boots.", outcome, findings=finding, reason=reason, load=load)


def results(*verdicts: Verdict) -> Results:
    hosts = tuple(HostSummary(url) for url in dict.fromkeys(each.host for each in verdicts))
    status = ExitStatus.NOT_EVALUATED
    return Results("debian12", "Debian 12", "d", "2026-11-29", 2.0, "0.1.0", "pytest", hosts, verdicts, status)


def terminal(run: Results) -> str:
    file = io.StringIO()
    summary(run, Console(file=file, width=4000, color_system=None))
    return file.getvalue()


def page(run: Results, folder: Path) -> str:
    return "".join(render_html(run, folder))


def test_starvation_is_one_line_of_a_host(tmp_path: Path) -> None:
    errors = [verdict(Outcome.ERROR, STARVED), verdict(Outcome.ERROR, STARVED, reason="something else")]
    run = results(*errors, verdict(Outcome.PASS, WELL), verdict(Outcome.PASS, STARVED))
    assert terminal(run).count(ONCE) == 1
    assert page(run, tmp_path).count(ONCE) == 1


@pytest.mark.parametrize("load", [None, WELL])
def test_a_host_that_was_not_starved_has_no_such_line(tmp_path: Path, load: HostLoad | None) -> None:
    run = results(verdict(Outcome.FAIL, load), verdict(Outcome.ERROR, load), verdict(Outcome.PASS, STARVED))
    assert "starved" not in terminal(run)
    assert "starved:" not in page(run, tmp_path)


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.ERROR])
@pytest.mark.parametrize("load", [STARVED, WELL, BUSY])
def test_a_failure_or_an_error_has_the_figures(tmp_path: Path, outcome: Outcome, load: HostLoad) -> None:
    run = results(verdict(outcome, load))
    assert f"meanwhile {load!s}" in " ".join(terminal(run).split())
    assert str(load).replace("'", "&#39;") in page(run, tmp_path)
    assert str(load) in "".join(render_junit(run))


def test_figures_that_the_reason_quotes_are_not_printed_twice() -> None:
    run = results(verdict(Outcome.ERROR, STARVED, reason=f"a time limit passed\n{STARVED}"))
    assert terminal(run).count(str(STARVED)) == 1


def test_the_page_sums_up_each_host(tmp_path: Path) -> None:
    run = results(verdict(Outcome.PASS, STARVED), verdict(Outcome.PASS, WELL), verdict(Outcome.PASS, BUSY, REAL))
    text = page(run, tmp_path)
    assert "its QEMU was denied 45% of the processor time that it wanted, 75% in the worst check" in text
    assert "at most 25% of dom0&#39;s time was stolen, and its load was 7.50" in text


def test_the_figures_are_data() -> None:
    run = results(verdict(Outcome.PASS, STARVED), verdict(Outcome.PASS, BUSY, REAL), verdict(Outcome.PASS, None))
    text = "".join(render_json(run))
    assert parse_results(text, "x") == run
    assert json.loads(text)["verdicts"][0]["load"]["denied_s"] == 60.0
