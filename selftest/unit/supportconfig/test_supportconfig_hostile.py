"""Whatever a supportconfig holds: it is read in little memory and time, and nothing but an XenproofError comes out."""

import contextlib
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selftest.supportconfigs.host import files, write_folder
from selftest.supportconfigs.hostile import HOSTILE, LINES, write_line
from xenproof.errors import XenproofError
from xenproof.facts.families import FAMILIES
from xenproof.profile.load import load_profile
from xenproof.supportconfig.source import read_supportconfig

ROOT = Path(__file__).parents[3]
SLES = load_profile("sles12")
MOST_RSS_MIB = 500
PUT = ["9" * 5000, "-1", "", "\0", "\x1b[31m", "x" * 9000, "\u0663", "\n", "\t", "unknowable x", "@@xl-info 0"]
# The usual is below 5 s; the machine may be busy.
LIMIT_S = 60
READ = """
    import sys, time
    from pathlib import Path
    from xenproof.errors import XenproofError
    from xenproof.facts.families import FAMILIES
    from xenproof.profile.load import load_profile
    from xenproof.supportconfig.source import read_supportconfig
    profile = load_profile("sles12")
    began = time.monotonic()
    try:
        recording = read_supportconfig("supportconfig://x", Path(sys.argv[1]), profile)
    except XenproofError as error:
        print("error", " ".join(str(error)[:300].split()))
    else:
        size = len(recording.to_json())
        assert size < 64 << 20, size
        for family in FAMILIES:
            try:
                family.of(recording, profile)
            except XenproofError:
                pass
        print("recording", size)
    from selftest.peak import own_peak_mib
    print(own_peak_mib())
    print(time.monotonic() - began)
"""


def said_of(path: Path) -> tuple[str, int, float]:
    """What came of it in a process of its own, the memory in MiB and the seconds that it took."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READ), str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    what, memory, seconds = done.stdout.splitlines()
    return what, int(memory), float(seconds)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_supportconfig_takes_little_memory_and_time(tmp_path: Path, name: str) -> None:
    what, memory, seconds = said_of(HOSTILE[name](tmp_path / "scc.tgz"))
    print(what, memory, seconds)  # noqa: T201  # shown where it fails
    assert memory < MOST_RSS_MIB


@pytest.mark.parametrize(("name", "title", "line"), LINES, ids=[f"{title} {line[:20]!r}" for _, title, line in LINES])
def test_a_long_line_is_gone_through_once(tmp_path: Path, name: str, title: str, line: str) -> None:
    what, memory, seconds = said_of(write_line(tmp_path / "scc.tgz", name, title, line))
    print(what, memory, seconds)  # noqa: T201  # shown where it fails
    assert memory < MOST_RSS_MIB


@settings(max_examples=150, deadline=None)
@given(
    st.data(),
    st.sampled_from(sorted(files())),
    st.sampled_from(["9" * 5000, "-1", "\0", "\x1b[31m", "x" * 9000, "\u0663"]),
)
def test_whatever_stands_for_a_number_only_our_errors_come_out(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str, put: str
) -> None:
    text = files()[name]
    at = data.draw(st.sampled_from(list(re.finditer(r"\w+", text))))
    texts = {**files(), name: text[: at.start()] + put + text[at.end() :]}
    folder = write_folder(tmp_path_factory.mktemp("any") / "folder", texts)
    with contextlib.suppress(XenproofError):
        recording = read_supportconfig("supportconfig://x", folder, SLES)
        for family in FAMILIES:
            with contextlib.suppress(XenproofError):
                family.of(recording, SLES)
