"""Which backend serves a disk: xenstore of Xen 4.17 and the reading of dom0's processes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenproof.errors import ParseError
from xenproof.xen.backend import DiskBackend, DiskWorkers, parse_disk_workers, vbd_in_xenstore
from xenproof.xen.xenstore import parse_xenstore

STORE = parse_xenstore((Path(__file__).parents[2] / "data" / "guest_xenstore.txt").read_text())


def test_a_disk_on_blkback_is_told_from_xenstore() -> None:
    vbd = vbd_in_xenstore(STORE, 5, "xvda")
    assert (vbd.backend, vbd.type, vbd.node, vbd.connected) == (DiskBackend.BLKBACK, "phy", "/dev/loop0", True)


def test_a_disk_on_qdisk_is_told_from_xenstore() -> None:
    vbd = vbd_in_xenstore(STORE, 6, "xvda")
    assert (vbd.backend, vbd.type, vbd.node) == (DiskBackend.QDISK, "qdisk", "")
    assert vbd.params.startswith("aio:/")


def test_a_disk_whose_frontend_waits_is_not_connected() -> None:
    waiting = STORE | {"/local/domain/5/device/vbd/51712/state": "3"}
    assert not vbd_in_xenstore(waiting, 5, "xvda").connected


@pytest.mark.parametrize(("domid", "vdev"), [(5, "xvdb"), (7, "xvda"), (0, "xvda")])
def test_a_disk_that_is_not_there_is_an_error(domid: int, vdev: str) -> None:
    with pytest.raises(ParseError, match="no backend of a disk"):
        vbd_in_xenstore(STORE, domid, vdev)


def test_a_backend_of_another_guest_is_an_error() -> None:
    key = "/local/domain/5/device/vbd/51712/backend"
    with pytest.raises(ParseError, match="frontend"):
        vbd_in_xenstore(STORE | {key: "/local/domain/0/backend/qdisk/6/51712"}, 5, "xvda")


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("qemu 1034\nend\n", DiskBackend.QDISK),
        ("loop loop0\nthread [4.xvda-0]\nend\n", DiskBackend.BLKBACK),
        ("thread [blkback.4.xvda]\nloop loop1\nend\n", DiskBackend.BLKBACK),
        ("end\n", None),
        ("loop loop0\nend\n", None),
        ("qemu 12\nloop loop0\nthread [4.xvda-0]\nend\n", None),
    ],
)
def test_what_runs_in_dom0_adds_up_to_one_backend(text: str, backend: DiskBackend | None) -> None:
    assert parse_disk_workers(text).backend is backend


def test_nothing_that_serves_a_file_says_so() -> None:
    assert str(DiskWorkers((), (), ())) == "nothing in dom0 serves the file"


@pytest.mark.parametrize("text", ["", "qemu 12\n", "qemu 12", "qemu x\nend\n", "cat 12\nend\n", "loop \nend\n"])
def test_a_broken_reading_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match="reading of dom0's processes"):
        parse_disk_workers(text)


@given(st.text())
def test_any_reading_gives_workers_or_an_error(text: str) -> None:
    try:
        parse_disk_workers(text)
    except ParseError as error:
        assert "dom0's processes" in str(error)  # noqa: PT017  # either way is right
