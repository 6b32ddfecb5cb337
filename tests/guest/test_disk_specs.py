"""Disk specifications: what this host's xl reads in them, and what backend their disks get.  No guest runs."""

import pytest

from xenproof.guest.features.backend_table import BackendTable
from xenproof.guest.features.disk_rows import disk_rows
from xenproof.suite.each import req
from xenproof.suite.evidence import InTable
from xenproof.suite.expect import Expect
from xenproof.suite.fixtures.disk import DiskReadings
from xenproof.suite.fixtures.promises import Predict
from xenproof.xlcfg.specs import known_specs

pytestmark = pytest.mark.shares_guest


@req("S15")
@pytest.mark.same_worker("dry runs of disk specifications")
@pytest.mark.parametrize("spec", known_specs())
def test_disk_specification_is_read_as_predicted(
    spec: str, dry_runs: DiskReadings, predict: Predict, expect: Expect
) -> None:
    """xl reads the disk specification {spec} as the rules of its release say."""
    expect(predict.reading(spec), dry_runs.reading(spec), by=f"xl create --dryrun, of {known_specs()[spec]!r}")


@req("S07", "S15")
@pytest.mark.matrix
@pytest.mark.same_worker("disks of paused guests")
@pytest.mark.parametrize("row", disk_rows())
def test_disk_gets_the_predicted_backend(
    row: str, backend_table: BackendTable, predict: Predict, expect: Expect, in_table: InTable
) -> None:
    """The disk {row} of a paused guest gets the backend, format and access that the rules of its release say."""
    in_table(disk_rows()[row].cell)
    wanted = predict.of("disk_backend", row, backend_table.expected(row))
    expect(wanted, backend_table.found(row), by=f"xenstore, of {disk_rows()[row].form!r}")
