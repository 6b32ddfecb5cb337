"""Images that are without end, or that swell: each is refused, or read as far as it goes, in bounded time and memory.

Each is read in a process of its own, of which the peak of memory is measured.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from selftest.images.endless import ENDLESS
from selftest.images.hostile_ext import make_plain_ext
from selftest.images.hostile_trees import TREES
from selftest.images.read_apart import read_apart
from selftest.images.root import PROFILE, make_root

ALL: dict[Callable[[Path], Path], str] = {**ENDLESS, **TREES}
MOST_MIB = 500
ORDINARY_MIB = 150
# Some ten times what the slowest takes here.
MOST_S = 80


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE, "utf-8")
    return path


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_an_image_that_is_without_end_is_read_within_bounds(
    make: Callable[[Path], Path], tmp_path: Path, profile: Path, record_property: Callable[[str, object], None]
) -> None:
    outcome = read_apart(make(tmp_path), profile, limit_s=60, most_s=MOST_S)
    said = outcome.text + outcome.error
    record_property("peak_mib_and_seconds", f"{outcome.peak_mib} {outcome.seconds:.1f}")
    assert re.search(ALL[make], said), said[:3000]
    assert "did not end within" not in said
    assert outcome.peak_mib < MOST_MIB


def test_an_ordinary_image_takes_little_memory(tmp_path: Path, profile: Path) -> None:
    outcome = read_apart(make_plain_ext(tmp_path / "disk.img", make_root(tmp_path)), profile)
    assert "autoballoon" in outcome.text
    assert outcome.peak_mib < ORDINARY_MIB
