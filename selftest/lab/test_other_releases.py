"""The further releases that the lab has a recipe for: a real dom0 of each conforms to its profile."""

import pytest

from selftest.lab.suite import Suite


# Nothing else needs these images, so each is built in its own test: four minutes, and ten on a busy machine.
@pytest.mark.releases
@pytest.mark.timeout(1900)
@pytest.mark.parametrize("release", ["debian11", "debian13"])
def test_a_real_dom0_of_another_release_conforms(suite: Suite, release: str) -> None:
    run = suite.run(f"--profile={release}", f"--hosts=lab://{release}", "tests/host", limit_s=1800)

    assert run.exit_status == 0, run.output
    assert f"conforms to {release}" in run.output
    outcomes = {verdict.outcome for verdict in run.verdicts}
    assert outcomes == {"pass", "not applicable"}, run.output
    # Trust between hosts needs a second one.
    skipped = {verdict.id.rpartition("::")[2] for verdict in run.verdicts if verdict.outcome != "pass"}
    assert {check.partition("[")[0] for check in skipped} == {"test_other_hosts_let_root_in"}, run.output
    assert len(run.ids("pass")) >= 200
