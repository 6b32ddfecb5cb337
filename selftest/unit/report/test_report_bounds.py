"""A report is bounded by the number of its verdicts, whatever a host or a file says; so is what the terminal shows."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from selftest.findings import a_finding
from selftest.lab.suite import REPOSITORY, Suite, SuiteRun
from xenproof.errors import ParseError
from xenproof.profile.expectation import Status
from xenproof.profile.load import load_profile
from xenproof.report.write import FILES, write_reports
from xenproof.results.exit_status import ExitStatus
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import Outcome, Verdict, examined
from xenproof.suite.expect import MOST_CHARACTERS, Expect
from xenproof.suite.outcome import MOST_DETAILS, MOST_REASON, of_error

GOOD = REPOSITORY / "selftest" / "data" / "recordings" / "sles12-replica.json"
MOST_BYTES = 128 << 10
"""What SECURITY.md says that one verdict takes in all three files together, of plain letters."""
MOST_BYTES_ESCAPED = 640 << 10
"""The same of letters that have to be escaped: one takes up to 12 bytes."""
OF_THE_PAGE = 256 << 10  # its style, its script, the host


def size(report: Path) -> int:
    return sum((report / name).stat().st_size for name in FILES)


@pytest.mark.parametrize("letter", ["\x1b", "&", "\u202e", "\U0001f600", "\ud800", "x", "\n"])
def test_a_verdict_takes_a_bounded_part_of_a_report(letter: str, tmp_path: Path) -> None:
    """All of its texts as long as they may be, of the letters that take most room in one of the files."""
    most = letter * MOST_CHARACTERS
    finding = a_finding(most, most, "xl info", most, Status.DOCUMENTED, "profiles/x.yaml:1", "")
    reason, details = letter * MOST_REASON, letter * MOST_DETAILS
    verdict = Verdict(
        "x",
        examined("ssh://x"),
        "host",
        letter * 1000,
        Outcome.FAIL,
        findings=(finding,),
        reason=reason,
        details=details,
    )
    number = 20
    run = Results(
        "x", "x", "x", "2026-01-01", 1.0, "1", "pytest", (HostSummary("ssh://x"),),
        tuple(replace(verdict, id=f"x{at}") for at in range(number)), ExitStatus.DIFFERS,
    )  # fmt: skip
    write_reports(run, tmp_path)
    most_bytes = MOST_BYTES if letter == "x" else MOST_BYTES_ESCAPED
    assert size(tmp_path) < number * most_bytes + OF_THE_PAGE


def section_without_end(length: int) -> bytes:
    return b"@@%s\nx\n" % (b"n" * length)


def section_with_a_long_name(length: int) -> bytes:
    name = b"n" * length
    return b"@@%s\nx\n\n@@%s 0\n" % (name, name)


def tiny_sections(length: int) -> bytes:
    rows = b"".join(b"@@s%d\n\n@@s%d 0\n" % (at, at) for at in range(length // 25))
    return rows + b"@@z\nno end"


def control_letters(length: int) -> bytes:
    return b"@@xl-info\n" + b"\x1b[31m" * (length // 5) + b"\n\n@@xl-info 0\n"


@pytest.mark.parametrize("made", [section_without_end, section_with_a_long_name, tiny_sections, control_letters])
@pytest.mark.parametrize("length", [500_000, 7_000_000])
def test_what_a_host_says_at_length_is_reported_in_short(
    made: Callable[[int], bytes], length: int, tmp_path: Path
) -> None:
    data = json.loads(GOOD.read_text("utf-8"))
    for output in data["outputs"]:
        if output["name"] != "identity":
            output["stdout"] = base64.b64encode(made(length)).decode()
            output["stderr"] = base64.b64encode(b"e\x1b[5m" * (length // 5)).decode()
    (tmp_path / "host.json").write_text(json.dumps({**data, "outputs": data["outputs"][:3]}))
    done = Suite(tmp_path / "report").run(
        "--profile=sles12", f"--hosts=recording://{tmp_path}/host.json", "tests/host", limit_s=120
    )
    assert done.exit_status == 6
    assert len(done.verdicts) > 600
    assert size(tmp_path / "report") < 8 << 20
    assert len(done.output) < 4 << 20
    assert "\x1b" not in done.output


OWN = '''
def test_ours(host):
    """What a host prints, at length."""
    assert not "\\x1b]52;c;x\\x07" + "x" * 5_000_000, "\\x1b[2J" + "y" * 5_000_000

def test_breaks(host):
    """It breaks."""
    raise RuntimeError("\\x1b]0;t\\x07" + "z" * 5_000_000)

def test_talks(host):
    """It talks, and fails."""
    print("\\x1b[2J" + "t" * 5_000_000)
    assert False
'''


def own_checks(tmp_path: Path, *options: str) -> SuiteRun:
    (tmp_path / "test_ours.py").write_text(OWN)
    hosts = f"--hosts=recording://{GOOD}"
    return Suite(tmp_path / "report").run("--profile=sles12", hosts, *options, str(tmp_path / "test_ours.py"))


@pytest.mark.parametrize("options", [(), ("-n1",)])
def test_what_a_check_of_a_user_says_at_length_is_reported_in_short(options: tuple[str, ...], tmp_path: Path) -> None:
    done = own_checks(tmp_path, *options)
    assert done.exit_status == 1
    assert size(tmp_path / "report") < 3 * MOST_BYTES + OF_THE_PAGE
    assert len(done.output) < 400_000
    assert "\x1b" not in done.output


def test_an_error_is_cut_where_it_is_made() -> None:
    error = ParseError("begin" + "x" * 7_000_000 + "end")
    assert len(str(error)) < 4200
    assert str(error).startswith("begin")
    assert str(error).endswith("end")


def test_what_was_found_is_cut_where_it_is_compared() -> None:
    expected = load_profile("sles12").select("packages.*.installed")[0]
    expect = Expect("x")
    with pytest.raises(AssertionError) as caught:
        expect(expected, ["x" * 1000] * 1000, by="x")
    assert len(expect.findings[0].found) < 4200
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize("kind", [AssertionError, RuntimeError, pytest.skip.Exception])
def test_what_ended_a_check_is_cut(kind: type[BaseException]) -> None:
    end = of_error(kind("x" * 10**6), "call", lambda: "y" * 10**6)
    assert len(end.reason) < 4200
    assert len(end.details) < 8200
