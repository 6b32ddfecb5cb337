"""Recordings judged by a process of its own: what it lets go of, in which order it works, what it does without."""

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

from selftest.lab.suite import Suite
from xenproof.probing.family import Family
from xenproof.probing.sections import printed, sections
from xenproof.profile.load import load_profile
from xenproof.results.verdict import Verdict
from xenproof.source.probe import Probe, ProbeOutput, Recording

IDENTITY = "uid 0\nkernel 6.1.0\nsystem Debian\nhypervisor xen\ncapabilities control_d\nxl /usr/sbin/xl\nend .\n"


def recorded(folder: Path, name: str) -> str:
    """The URL of a recording of a dom0 of which nothing but its identity is known."""
    path = folder / f"{name}.json"
    outputs = {"identity": ProbeOutput("identity", IDENTITY.encode(), b"", 0)}
    path.write_text(Recording(f"ssh://{name}", "2026-11-24T00:00:00+00:00", outputs).to_json())
    return f"recording://{path}"


@pytest.fixture
def replay(tmp_path: Path) -> Callable[..., tuple[Verdict, ...]]:
    """Judges recordings by checks that are given as text; gives the verdicts, which all have to pass."""

    def run(checks: str, *names: str) -> tuple[Verdict, ...]:
        (tmp_path / "test_mine.py").write_text(checks)
        hosts = ",".join(recorded(tmp_path, name) for name in names)
        done = Suite(tmp_path / "report").run(
            "--profile=debian12", f"--hosts={hosts}", str(tmp_path / "test_mine.py"), limit_s=60
        )
        assert done.exit_status == 0, done.output
        return done.verdicts

    return run


def test_one_host_is_judged_after_the_other_and_let_go_of(replay: Callable[..., tuple[Verdict, ...]]) -> None:
    checks = '''
import gc
from xenproof.source.probe import Recording

def test_first(recording):
    """The recording is the only one in memory."""
    gc.collect()
    assert [found for found in gc.get_objects() if isinstance(found, Recording)] == [recording]

def test_second(recording):
    """There is a second check, so that the hosts could be mixed."""
'''
    verdicts = replay(checks, "one", "two", "three", "four")
    assert [Path(host).stem for host, _ in groupby(verdict.host for verdict in verdicts)] == [
        "one",
        "two",
        "three",
        "four",
    ]


def test_a_replay_loads_nothing_that_it_does_not_use(
    replay: Callable[..., tuple[Verdict, ...]], tmp_path: Path
) -> None:
    # All of these take longer to load than the checks of a host take.
    checks = f'''
import atexit, json, pathlib, sys
atexit.register(lambda: pathlib.Path({str(tmp_path / "loaded")!r}).write_text(json.dumps(list(sys.modules))))

def test_it(recording):
    """It runs."""
'''
    replay(checks, "one")
    loaded = set(json.loads((tmp_path / "loaded").read_text()))
    assert "xenproof.report.html" in loaded
    assert (
        loaded & {"paramiko", "hypothesis", "qemu.qmp", "cryptography", "dissect", "typer", "xenproof.lab.host"}
        == set()
    )


def test_facts_are_parsed_once_for_a_recording_and_anew_for_another() -> None:
    parsed: list[str] = []

    def parse(output: ProbeOutput) -> str:
        parsed.append(output.text)
        return output.text

    family = Family("x", lambda _: Probe("x", "true"), parse)
    profile = load_profile("debian12")
    for text in ("one", "two"):
        recording = Recording("ssh://x", "", {"x": ProbeOutput("x", text.encode(), b"", 0)})
        assert [family.of(recording, profile) for _ in range(3)] == [text] * 3
    assert parsed == ["one", "two"]


def test_an_output_is_cut_up_once() -> None:
    output = ProbeOutput("x", printed("a", "1").encode(), b"", 0)
    assert sections(output) is sections(output)
