"""A rolling release, whose profile starts from another release: what differs is new, and fails no host."""

import shutil
from pathlib import Path

from selftest.lab.suite import REPOSITORY, Suite

OTHER = REPOSITORY / "selftest" / "data" / "recordings" / "debian12-for-sles12.json"


def test_a_host_that_differs_has_something_new_and_conforms(tmp_path: Path) -> None:
    """A recorded Debian 12 differs from SLES 12 in much; for a profile that only starts from that, all of it is new."""
    profile = tmp_path / "rolling.yaml"
    profile.write_text(f"name: rolling\nextends: {REPOSITORY}/profiles/sles12.yaml\nrolling: true\n")
    host = f"recording://{shutil.copy(OTHER, tmp_path)}"
    checks = ["tests/host/test_packages.py", "tests/host/test_units.py"]
    rolling = Suite(tmp_path / "rolling").run(f"--profile={profile}", f"--hosts={host}", *checks)
    pinned = Suite(tmp_path / "pinned").run("--profile=sles12", f"--hosts={host}", *checks)

    assert (rolling.exit_status, pinned.exit_status) == (0, 1), rolling.output
    assert "conforms to rolling" in rolling.output
    assert "NEW  " in rolling.output
    assert rolling.ids("fail") == set()
    assert rolling.ids("new") == pinned.ids("fail") != set()
    assert rolling.ids("pass") == pinned.ids("pass")
    cases = (rolling.report / "junit.xml").read_text("utf-8")
    assert cases.count('message="new: ') == len(rolling.ids("new"))
    assert "<failure" not in cases
