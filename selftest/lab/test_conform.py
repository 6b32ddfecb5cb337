"""The whole of it, as `make conform` runs it."""

import xml.etree.ElementTree as ElementTree  # only our own report is read

from selftest.lab.suite import Suite


def test_a_real_dom0_conforms_and_runs_guests_on_both_backends(suite: Suite) -> None:
    run = suite.run(
        "-n", "2", "--dist", "loadgroup", "-m", "not matrix", "--profile=debian12", "--hosts=lab://debian12",
        "tests/host", "tests/guest",
        limit_s=800,
    )  # fmt: skip

    assert run.exit_status == 0, run.output
    assert run.ids("fail") | run.ids("error") == set(), run.output
    passed = run.ids("pass")
    assert len(passed) >= 60
    assert {"test_guest_is_started_by_grub_xen[qdisk]", "test_guest_is_started_by_grub_xen[blkback]"} <= passed
    assert "conforms to debian12" in run.output
    cases = ElementTree.parse(run.report / "junit.xml").getroot().findall(".//testcase")  # noqa: S314  # ours
    assert len(cases) == len(run.verdicts)
    guests = {verdict.guest.name for verdict in run.verdicts if verdict.guest}
    assert len(guests) == 2


def test_facts_replay_from_a_recording(suite: Suite) -> None:
    import subprocess
    import sys

    from selftest.lab.suite import REPOSITORY, clean_environment

    recording = suite.report.parent / "host.json"
    subprocess.run(
        [sys.executable, "-m", "xenproof.cli", "record", "--hosts", "lab://debian12", "-o", str(recording)],
        cwd=REPOSITORY, check=True, timeout=400, env=clean_environment(),
    )  # fmt: skip

    run = suite.run("--profile=debian12", f"--hosts=recording://{recording}", "tests/host")

    assert run.exit_status == 0, run.output
    assert len(run.ids("pass")) >= 60
