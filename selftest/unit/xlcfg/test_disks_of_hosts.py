"""What the xl of real hosts made of disk specifications, as tests/guest/test_disk_specs.py printed it, is predicted.

selftest/data/disks has what each lab host said: the kind of question, its name, and the answer in words.
"""

from pathlib import Path

import pytest

from xenproof.guest.features.backend_table import expected_words
from xenproof.guest.features.disk_rows import disk_rows
from xenproof.profile.load import load_profile
from xenproof.xen.disk_line import predicted_words
from xenproof.xlcfg.of_profile import series_of
from xenproof.xlcfg.specs import known_specs

ANSWERS = Path(__file__).parents[2] / "data" / "disks"
HOSTS = ("debian11", "debian12", "debian13")


def answers(host: str, kind: str) -> dict[str, str]:
    rows = [line.split("\t", 2) for line in (ANSWERS / f"{host}.tsv").read_text("utf-8").splitlines()]
    return {name: answer for found, name, answer in rows if found == kind}


@pytest.mark.parametrize("host", HOSTS)
def test_every_specification_was_read_as_predicted(host: str) -> None:
    words = series_of(load_profile(host)).disk
    assert answers(host, "spec") == {name: predicted_words(spec, words) for name, spec in known_specs().items()}


@pytest.mark.parametrize("host", HOSTS)
def test_every_disk_got_the_predicted_backend(host: str) -> None:
    series = series_of(load_profile(host))
    assert answers(host, "backend") == {name: expected_words(row, series) for name, row in disk_rows().items()}
