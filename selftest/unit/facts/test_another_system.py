"""A real Debian dom0 against the profile of SLES 12: a page of honest failures, each with where it comes from."""

from pathlib import Path

from selftest.lab.suite import Suite
from xenproof.profile.expectation import Status

RECORDED = Path(__file__).parents[2] / "data" / "recordings" / "debian12-for-sles12.json"


def test_debian_does_not_conform_to_sles12_and_every_failure_quotes_its_source(tmp_path: Path) -> None:
    run = Suite(tmp_path / "report").run("--profile=sles12", f"--hosts=recording://{RECORDED}", "tests/host")
    assert run.exit_status == 1, run.output
    # Nothing is blamed on the reading, and what is the same on both is not blamed on the host.
    assert run.ids("error") == set(), "the probes have changed? ORIGIN.md beside the recording says how to make it anew"
    assert "test_command_is_on_the_path[xl]" in run.ids("pass")
    assert {
        "test_running_version_is_that_of_the_release[hypervisor]",
        "test_running_version_is_that_of_the_release[kernel]",
        "test_package_is_installed[kernel-xen]",
        "test_unit_exists[xencommons.service]",
        "test_bridge_exists[br0]",
        "test_setting_of_file_is[/etc/os-release:ID]",
    } <= run.ids("fail")
    failures = [verdict for verdict in run.verdicts if verdict.outcome == "fail"]
    assert len(failures) > 100
    page = (run.report / "report.html").read_text("utf-8")
    for verdict in failures:
        (finding,) = verdict.findings
        assert finding.source, verdict.id
        assert finding.status in (Status.DOCUMENTED, Status.INFERRED), verdict.id
        assert finding.found, verdict.id
        assert finding.where in page, verdict.id
