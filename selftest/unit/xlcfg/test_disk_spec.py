"""Disk specifications: each that a real xl 4.4.1 was given is predicted as that xl printed it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selftest.corpus import CORPUS, disk_spec_of
from xenproof.xlcfg.disk_spec import DiskSpecError, parse_disk_spec
from xenproof.xlcfg.xl_series import load_series, series_names

FOLDER = CORPUS / "xen-4.4.1"
ROWS = sorted(path.stem for path in FOLDER.glob("diskspec_*.cfg"))
WORDS_4_4 = load_series("4.4").disk


def test_there_are_specifications_to_predict() -> None:
    assert len(ROWS) >= 70


@pytest.mark.parametrize("name", ROWS)
def test_xl_4_4_1_reads_it_as_predicted(name: str) -> None:
    out = (FOLDER / f"{name}.out").read_text("utf-8")
    err = FOLDER / f"{name}.err"
    said = err.read_text("utf-8") if err.exists() else ""
    if "disk specification" in said:
        with pytest.raises(DiskSpecError) as refused:
            parse_disk_spec(disk_spec_of(name), WORDS_4_4)
        assert refused.value.message == said.split("\n")[0].removeprefix("/root/d.cfg: ")
        return
    printed = json.loads(out[out.index("{") : out.rindex("}") + 1])
    (disk,) = printed["config"]["disks"]
    found = parse_disk_spec(disk_spec_of(name), WORDS_4_4)
    assert {
        "pdev_path": found.target,
        "vdev": found.vdev,
        "backend": found.backendtype or "unknown",
        "format": found.format,
        "script": found.script,
        "removable": int(found.removable),
        "readwrite": int(found.writable),
        "is_cdrom": int(found.cdrom),
        "backend_domname": found.backend or None,
    } == {key: disk[key] for key in disk if key != "backend_domid"}


@pytest.mark.parametrize("series", series_names())
@given(spec=st.text(st.sampled_from("ab=,:. /wr!") | st.characters(max_codepoint=127), max_size=40))
def test_whatever_is_written_is_read_or_refused(series: str, spec: str) -> None:
    words = load_series(series).disk
    try:
        found = parse_disk_spec(spec, words)
    except DiskSpecError as refused:
        said = refused.message
    else:
        said = ""
    if said:
        assert said.endswith(f" in `{spec}'")
    else:
        assert found.vdev is not None
        assert found.target is not None or found.cdrom


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        # As a real xl 4.17.5 said it.
        ("/vm/a=b.img,raw,xvda,w", "bad disk syntax: near `=b.img,raw,xvda,w' in"),
        ("FORMAT=raw, vdev=xvda", "bad disk syntax: near `=raw, vdev=xvda' in"),
        ("foo=, vdev=xvda, target=/x", "bad disk syntax: near `=, vdev=xvda, target=/x' in"),
        ("vdev=xvda, devtype=bogus, target=/x", "unknown value for type: near `devtype=bogus,' in"),
        ("vdev=xvda, devtype=bogus", "unknown value for type: near `devtype=bogus' in"),
        ("format=raw, vdev=xvda, untrusted, target=/x", "target respecified: near `/x' in"),
    ],
)
def test_a_refusal_names_the_place_as_xl_does(spec: str, said: str) -> None:
    with pytest.raises(DiskSpecError) as refused:
        parse_disk_spec(spec, load_series("4.17").disk)
    assert said in refused.value.message


def test_a_flag_is_known_from_the_series_whose_xl_was_compiled_with_it() -> None:
    spec = "format=raw, vdev=xvda, untrusted, target=/x"
    assert parse_disk_spec(spec, load_series("4.19").disk).flags == ["untrusted"]
