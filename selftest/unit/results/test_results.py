"""What a run found is written, described by a schema, and read back as it was."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selftest.findings import a_finding
from xenproof.codec import from_plain, to_plain
from xenproof.errors import ParseError
from xenproof.profile.expectation import Level, Status
from xenproof.results.exit_status import ExitStatus, judged, of_run
from xenproof.results.json_file import parse_results, read_results, render_json
from xenproof.results.results import HostSummary, Results
from xenproof.results.schema import rendered, results_schema
from xenproof.results.verdict import (
    About,
    Finding,
    GuestTimeline,
    Outcome,
    Role,
    Step,
    TableCell,
    Verdict,
    examined,
)

ONE, TWO = "ssh://root@xen1", "ssh://root@xen2"
DOCS = Path(__file__).parents[3] / "docs" / "results.schema.json"

# Whatever a host prints, lone surrogates of file names too.
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
SECONDS = st.floats(0, 1e6, allow_nan=False)


def several(kind: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(kind, max_size=3).map(tuple)


FINDINGS = st.builds(Finding, *[TEXT] * 4, st.sampled_from(Level), st.sampled_from(Status), *[TEXT] * 3)
TIMELINES = st.builds(GuestTimeline, TEXT, TEXT, several(st.builds(Step, TEXT, SECONDS)))
VERDICTS = st.builds(
    Verdict,
    id=TEXT,
    hosts=several(st.builds(About, TEXT, st.sampled_from(Role))),
    family=TEXT,
    title=TEXT,
    outcome=st.sampled_from(Outcome),
    level=st.sampled_from(Level),
    req=several(TEXT),
    findings=several(FINDINGS),
    reason=TEXT,
    details=TEXT,
    started_s=SECONDS,
    seconds=SECONDS,
    attachments=several(TEXT),
    guest=st.none() | TIMELINES,
    cell=st.none() | st.builds(TableCell, TEXT, TEXT, TEXT),
)
RESULTS = st.builds(
    Results,
    profile=TEXT,
    profile_title=TEXT,
    profile_digest=TEXT,
    started=TEXT,
    seconds=SECONDS,
    xenproof_version=TEXT,
    command=TEXT,
    hosts=several(st.builds(HostSummary, TEXT, st.dictionaries(TEXT, TEXT, max_size=3), several(TEXT))),
    verdicts=several(VERDICTS),
    exit_status=st.sampled_from(ExitStatus),
    notes=several(TEXT),
)


def results_of(*verdicts: Verdict, status: ExitStatus = ExitStatus.CONFORMS) -> Results:
    """The results of a run over one host."""
    about = (HostSummary(ONE, {"Xen": "4.17.7"}),)
    return Results("debian12", "Debian 12", "sha256:4f", "2026-11-22", 2.0, "0.1.0", "pytest", about, verdicts, status)


def passed(*hosts: About) -> Verdict:
    """A check that passed."""
    return Verdict("a", hosts or examined(ONE), "f", "t", Outcome.PASS, findings=(a_finding("1", "1"),))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RESULTS)
def test_what_was_written_is_read_back_equal(results: Results) -> None:
    text = "".join(render_json(results))
    assert text.isascii()
    assert parse_results(text, "results.json") == results
    jsonschema.validate(json.loads(text), results_schema())


@settings(deadline=None)
@given(VERDICTS)
def test_a_verdict_survives_its_way_from_a_worker(verdict: Verdict) -> None:
    plain = to_plain(verdict)
    assert from_plain(Verdict, json.loads(json.dumps(plain))) == verdict
    assert from_plain(Verdict, plain) == verdict


def test_the_schema_in_docs_is_that_of_the_types() -> None:
    assert DOCS.read_text("ascii") == rendered(), "run: python -m xenproof.results.schema > docs/results.schema.json"
    jsonschema.Draft202012Validator.check_schema(results_schema())


def test_a_file_is_read_back(tmp_path: Path) -> None:
    results = results_of(passed())
    (tmp_path / "results.json").write_text("".join(render_json(results)))
    assert read_results(tmp_path / "results.json") == results


BROKEN = {
    "empty": ("", "Expecting value"),
    "a list": ("[]", "expected an object"),
    "cut": ("".join(render_json(results_of(passed())))[:-40], "Expecting|Unterminated"),
    "another format": ('{"format": 2}', "it has the format '2', this xenproof reads 1"),
    "no format": ("{}", "it has the format 'None'"),
    "a key twice": ('{"format": 1, "format": 1}', "twice"),
    "a word of another kind": ("".join(render_json(results_of(passed()))).replace('"pass"', '"passed"'), "passed"),
    "a text for a number": ("".join(render_json(results_of(passed()))).replace("2.0", '"2.0"'), "seconds"),
    "a host without an address": ("".join(render_json(results_of(passed()))).replace('"url"', '"uri"'), "url"),
    "wrong counts": ("".join(render_json(results_of(passed()))).replace('"pass": 1', '"pass": 2'), "counts"),
    "nested": ('{"format": 1, "hosts": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "no number": ('{"format": NaN}', "NaN is no number"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_no_run_wrote_is_refused(name: str, tmp_path: Path) -> None:
    text, why = BROKEN[name]
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(ParseError, match=rf"is no results\.json of xenproof: .*({why})"):
        read_results(file)


def test_bytes_that_are_no_ascii_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(b'{"format": "\xff"}')
    with pytest.raises(ParseError, match="not ASCII"):
        read_results(tmp_path / "results.json")


FAIL = replace(passed(), outcome=Outcome.FAIL)
ERROR = replace(passed(), outcome=Outcome.ERROR)
SHOULD = replace(FAIL, level=Level.SHOULD)


@pytest.mark.parametrize(
    ("verdicts", "urls", "status"),
    [
        ((passed(),), [ONE], ExitStatus.CONFORMS),
        ((passed(), FAIL), [ONE], ExitStatus.DIFFERS),
        ((passed(), SHOULD), [ONE], ExitStatus.CONFORMS),
        ((SHOULD,), [ONE], ExitStatus.NOT_EVALUATED),
        ((passed(), ERROR), [ONE], ExitStatus.NOT_EVALUATED),
        ((FAIL, ERROR), [ONE], ExitStatus.DIFFERS),
        ((passed(),), [ONE, TWO], ExitStatus.NOT_EVALUATED),
        ((), [ONE], ExitStatus.NOT_EVALUATED),
        # A host that another one was only held against has not been proved.
        ((passed(About(ONE), About(TWO, Role.PEER)),), [ONE, TWO], ExitStatus.NOT_EVALUATED),
        ((passed(About(ONE, Role.SOURCE), About(TWO, Role.TARGET)),), [ONE, TWO], ExitStatus.CONFORMS),
        # Tests beside the checks are about no host.
        ((passed(), replace(passed(), hosts=())), [ONE], ExitStatus.CONFORMS),
    ],
)
def test_the_status_follows_from_the_verdicts(
    verdicts: tuple[Verdict, ...], urls: list[str], status: ExitStatus
) -> None:
    assert judged(verdicts, urls) is status
    assert of_run(verdicts, urls, 0) is of_run(verdicts, urls, 1) is of_run(verdicts, urls, 5) is status


@pytest.mark.parametrize("ended", [ExitStatus.INTERRUPTED, ExitStatus.INTERNAL_ERROR])
def test_a_run_that_was_cut_short_says_so(ended: ExitStatus) -> None:
    assert of_run((passed(), FAIL), [ONE], int(ended)) is ended
