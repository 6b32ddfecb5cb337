"""The truth table of disk backends: what the rules of a release say of its rows, and how a row is read back."""

import pytest

from xenproof.errors import ParseError
from xenproof.guest.features.backend_table import expected_words, vbd_in_words
from xenproof.guest.features.disk_rows import disk_rows
from xenproof.profile.load import load_profile
from xenproof.xen.backend import DiskBackend, StoreVbd
from xenproof.xlcfg.of_profile import takes_no_files
from xenproof.xlcfg.xl_series import load_series, series_names

LOOP = "phy, raw, writable, on a loop device"


@pytest.mark.parametrize(
    ("row", "in_4_4", "in_4_17"),
    [
        # The default of a raw file is what changed between the releases: xl-disk-configuration(5).
        ("file_as_raw_on_any", "qdisk, raw, writable", LOOP),
        ("file_as_raw_on_phy", "refused", LOOP),
        ("file_as_raw_on_qdisk", "qdisk, raw, writable", "qdisk, raw, writable"),
        ("file_as_qcow2_on_phy", "refused", "refused"),
        ("qcow2_as_raw_on_any", "qdisk, raw, writable", LOOP),
        ("qcow2_as_qcow2_on_any", "qdisk, qcow2, writable", "qdisk, qcow2, writable"),
        ("block_as_raw_on_any", "phy, raw, writable", "phy, raw, writable"),
        ("volume_as_raw_on_any", "phy, raw, writable", "phy, raw, writable"),
        ("volume_as_raw_on_qdisk", "qdisk, raw, writable", "qdisk, raw, writable"),
        ("file_as_vhd_on_any", "qdisk, vhd, writable", "qdisk, vhd, writable"),
        ("file_as_vhd_on_phy", "refused", "refused"),
        ("missing_as_raw_on_any", "refused", "refused"),
        ("empty_drive", "qdisk, empty, read only", "qdisk, empty, read only"),
        ("empty_disk", "refused", "refused"),
        ("positional_read_only", "qdisk, raw, read only", LOOP.replace("writable", "read only")),
        ("xm_tap_qcow2", "qdisk, qcow2, writable", "qdisk, qcow2, writable"),
        ("xm_phy_file", "qdisk, raw, writable", LOOP),
    ],
)
def test_the_rules_of_a_release_decide_a_row(row: str, in_4_4: str, in_4_17: str) -> None:
    rows = disk_rows()
    assert expected_words(rows[row], load_series("4.4")) == in_4_4
    assert expected_words(rows[row], load_series("4.17")) == in_4_17


def test_an_empty_drive_is_a_file_from_4_19_on() -> None:
    row = disk_rows()["empty_drive"]
    assert expected_words(row, load_series("4.18")) == "qdisk, empty, read only"
    assert expected_words(row, load_series("4.19")) == "phy, empty, read only, on a loop device"


@pytest.mark.parametrize("series", series_names())
def test_every_row_has_a_prediction(series: str) -> None:
    found = {expected_words(row, load_series(series)).partition(",")[0] for row in disk_rows().values()}
    assert found == {"phy", "qdisk", "refused"}


def vbd(kind: str, params: str, node: str, mode: str = "w") -> StoreVbd:
    return StoreVbd("xvda", DiskBackend.QDISK, kind, params, node, False, "/local/domain/0/backend/x/1/51712", mode)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (vbd("phy", "/x.img", "/dev/loop3"), LOOP),
        (vbd("phy", "/dev/loop0", "/dev/loop0"), "phy, raw, writable"),
        (vbd("phy", "/dev/loop0", "/dev/loop0", "r"), "phy, raw, read only"),
        (vbd("qdisk", "aio:/x.img", ""), "qdisk, raw, writable"),
        (vbd("qdisk", "qcow2:/x.img", ""), "qdisk, qcow2, writable"),
        (vbd("qdisk", "aio:", "", "r"), "qdisk, empty, read only"),
        (vbd("qdisk", "aio:(null)", "", "r"), "qdisk, empty, read only"),
        (vbd("phy", "/run/xen/empty-cdrom.7", "/dev/loop3", "r"), "phy, empty, read only, on a loop device"),
    ],
)
def test_a_disk_in_xenstore_is_said_in_the_same_words(found: StoreVbd, words: str) -> None:
    target = "" if "empty" in words else "/dev/loop0" if "/dev/" in found.params else "/x.img"
    assert vbd_in_words(found, target) == words


@pytest.mark.parametrize("params", ["", "/x.img", "aio:/y.img"])
def test_a_qdisk_with_another_target_is_not_understood(params: str) -> None:
    with pytest.raises(ParseError, match="params"):
        vbd_in_words(vbd("qdisk", params, ""), "/x.img")


def test_each_row_names_its_target_and_its_disk() -> None:
    rows = disk_rows()
    assert len(rows) >= 35
    assert all(row.spec("/x.img", "xvdb") != row.spec("/y.img", "xvda") for row in rows.values())


@pytest.mark.parametrize(("profile", "devices"), [("sles12", True), ("debian11", False), ("debian12", False)])
def test_where_blkback_serves_no_files_guests_get_devices(profile: str, devices: bool) -> None:
    assert takes_no_files(load_profile(profile)) is devices
