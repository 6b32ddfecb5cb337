"""A check that compares hosts of a run with each other, from recordings as from live hosts."""

from pathlib import Path

from selftest.lab.suite import Suite, SuiteRun
from xenproof.source.probe import ProbeOutput, Recording

DATA = Path(__file__).parents[2] / "data" / "debian12"
IDENTITY = "uid 0\nkernel 6.1\nsystem Debian\nhypervisor xen\ncapabilities control_d\nxl /usr/sbin/xl\nend .\n"
CHECK = "test_other_hosts_let_root_in[peers]"


def record(folder: Path, name: str, old: bytes = b"", new: bytes = b"") -> str:
    """A recording of the good host under another name, with a text of its ssh replaced; as a URL."""
    ssh = (DATA / "ssh.txt").read_bytes()
    assert old in ssh
    texts = {"identity": IDENTITY.encode(), "ssh": ssh.replace(old, new) if old else ssh}
    texts["programs"] = (DATA / "programs.txt").read_bytes()
    outputs = {probe: ProbeOutput(probe, text, b"", 0) for probe, text in texts.items()}
    path = folder / f"{name}.json"
    path.write_text(Recording(f"ssh://root@{name}", "2026-11-24T00:00:00+00:00", outputs).to_json(), "utf-8")
    return f"recording://{path}"


def run(folder: Path, *urls: str) -> SuiteRun:
    return Suite(folder / "report").run("--profile=debian12", f"--hosts={','.join(urls)}", "tests/host/test_ssh.py")


def outcomes(found: SuiteRun) -> list[tuple[str, str, str]]:
    rows = [verdict for verdict in found.verdicts if str(verdict.id).endswith(CHECK)]
    return [(Path(row.host).stem, row.outcome, row.finding.found if row.finding else row.reason) for row in rows]


def test_hosts_of_one_run_are_compared_in_both_directions(tmp_path: Path) -> None:
    good, stranger = record(tmp_path, "xen1"), record(tmp_path, "xen2", b"known ssh-", b"revoked ssh-")
    found = run(tmp_path, good, stranger)
    (one, first, seen), (two, second, why) = sorted(outcomes(found))
    assert (one, first, seen) == ("xen1", "pass", "yes: both sides fit for ssh://root@xen2"), found.output
    assert (two, second) == ("xen2", "fail"), found.output
    assert "host key of ssh://root@xen1 is revoked" in why
    assert found.exit_status == 1


def test_one_host_alone_needs_another(tmp_path: Path) -> None:
    found = run(tmp_path, record(tmp_path, "xen1"))
    assert [(host, outcome) for host, outcome, _ in outcomes(found)] == [("xen1", "not applicable")], found.output
    assert "give both in --hosts" in outcomes(found)[0][2]


def test_a_peer_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "xen2.json").write_text("{}", "utf-8")
    found = run(tmp_path, record(tmp_path, "xen1"), f"recording://{tmp_path}/xen2.json")
    assert [(host, outcome) for host, outcome, _ in outcomes(found)] == [("xen1", "not evaluable")], found.output
    assert "xen2.json is not a recording" in outcomes(found)[0][2]
    errors = [verdict.host for verdict in found.verdicts if verdict.outcome == "error"]
    assert errors == [f"recording://{tmp_path}/xen2.json"]
    assert found.exit_status == 6
