"""The linter of configurations: what it says of those that a real xl 4.4.1 was given, and of the deck's examples."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selftest.corpus import CORPUS, transcripts
from xenproof.cli import app
from xenproof.xlcfg.backend_rule import Prediction, TargetKind, is_vdev, predict_backend
from xenproof.xlcfg.disk_spec import parse_disk_spec
from xenproof.xlcfg.lint import LintMessage, Severity, lint
from xenproof.xlcfg.xl_series import load_series, series_names, since

FOLDER = CORPUS / "xen-4.4.1"
CONFIGS = sorted(path.stem for path in FOLDER.glob("*.cfg"))
ROWS = {row.name: row for row in transcripts("xen-4.4.1")}
# What xl said where it failed for something that was not on its host, or was busy: no text tells that.
OF_THE_HOST = (
    "failed to stat", "no loader found", "failed to open file", "Could not open kernel image", "cannot run bootloader",
    "exited with error status", "bootloader failed", "can't allocate low memory",
)  # fmt: skip


def findings(line: str, series: str = "4.4") -> list[LintMessage]:
    return lint(f'name = "g"\n{line}\n', load_series(series))


def worst(line: str, series: str = "4.4") -> list[str]:
    return [row.text for row in findings(line, series) if row.severity is not Severity.NOTE]


@pytest.mark.parametrize("name", CONFIGS)
def test_what_xl_4_4_1_refused_is_an_error_and_nothing_else(name: str) -> None:
    text = (FOLDER / f"{name}.cfg").read_text("utf-8")
    said = ROWS[name].err
    # That host's kernel had no blktap; the linter does not know the host's.
    of_the_host = any(words in said for words in OF_THE_HOST) or "backendtype=tap" in text
    refused = ROWS[name].exit_status != 0 and not of_the_host

    errors = [row.text for row in lint(text, load_series("4.4")) if row.severity is Severity.ERROR]
    if " -n " in ROWS[name].command:
        # A dry run reads the text and chooses no backend.
        errors = [text for text in errors if not text.startswith("xl creates no guest")]

    assert bool(errors) == refused, (errors, said)


def test_there_are_enough_of_both() -> None:
    assert len(CONFIGS) >= 100
    assert sum(ROWS[name].exit_status != 0 for name in CONFIGS) >= 20


@pytest.mark.parametrize(
    ("disk", "found"),
    [
        # The deck's own example: the flag behind target= is a part of the path.
        ("format=raw, vdev=xvdc, access=ro, target=/foo.iso, devtype=cdrom",
         "devtype=cdrom behind target= is a part of the path '/foo.iso, devtype=cdrom', and nothing else"),
        ("file:/vm/d.qcow2,xvda,w", "the guest sees the container of the qcow2 image /vm/d.qcow2 as a raw disk"),
        ("/vm/x.img,raw,foo,w", "xl creates no guest: Invalid or unsupported virtual disk identifier foo"),
        ("phy:/dev/x,,w", "the vdev is empty: xl makes the disk device 0"),
    ],
)  # fmt: skip
def test_a_disk_that_is_not_what_it_seems(disk: str, found: str) -> None:
    assert worst(f'disk = [ "{disk}" ]') == [found]


@pytest.mark.parametrize(
    ("series", "kind", "format_", "backend"),
    [
        ("4.4", TargetKind.FILE, "raw", "qdisk"),
        ("4.5", TargetKind.FILE, "raw", "qdisk"),
        ("4.6", TargetKind.FILE, "raw", "phy"),
        ("4.17", TargetKind.FILE, "raw", "phy"),
        ("4.4", TargetKind.FILE, "qcow2", "qdisk"),
        ("4.17", TargetKind.FILE, "qcow2", "qdisk"),
        ("4.4", TargetKind.BLOCK, "raw", "phy"),
        ("4.20", TargetKind.BLOCK, "raw", "phy"),
    ],
)
def test_the_backend_is_that_of_the_release(series: str, kind: TargetKind, format_: str, backend: str) -> None:
    disk = parse_disk_spec(f"format={format_}, vdev=xvda, target=/x", load_series(series).disk)
    assert predict_backend(disk, kind, load_series(series)) == Prediction(backend)


def test_a_backend_that_cannot_serve_is_refused_in_libxls_words() -> None:
    series = load_series("4.17")
    tap = parse_disk_spec("/x,raw,xvda,w,backendtype=tap", series.disk)
    assert predict_backend(tap, TargetKind.FILE, series).refusal == "no suitable backend for disk xvda"
    raw = parse_disk_spec("/x,raw,xvda,w", series.disk)
    assert predict_backend(raw, TargetKind.MISSING, series).refusal == "Disk vdev=xvda failed to stat: /x"
    drive = parse_disk_spec("/x,raw,hdc,r,cdrom,backendtype=phy", series.disk)
    refused = predict_backend(drive, TargetKind.FILE, series, hvm=True).refusal
    assert refused == "Backend for CD devices on HVM guests must be Qdisk"


@pytest.mark.parametrize("name", ["xvda", "xvdaa", "xvda255", "hdd63", "sdp15", "d5p1", "51712", "0xca00", ""])
def test_libxl_knows_the_vdev(name: str) -> None:
    assert is_vdev(name)


@pytest.mark.parametrize("name", ["foo", "xvda0", "xvda256", "hde", "hda64", "sdq", "sda16", "d5", "xvd", "XVDA"])
def test_libxl_does_not_know_the_vdev(name: str) -> None:
    assert not is_vdev(name)


def test_keys_that_this_xl_does_not_know_are_told_apart() -> None:
    assert worst('type = "pvh"') == ["type came with Xen 4.10: xl of Xen 4.4 ignores it and prints nothing"]
    assert worst("pvh = 1", "4.17") == ["pvh is gone since Xen 4.9: xl of Xen 4.17 ignores it and prints nothing"]
    assert worst("memmory = 1") == [
        "no xl knows memmory; did you mean 'memory'?: xl of Xen 4.4 ignores it and prints nothing"
    ]


def test_values_that_xl_takes_for_something_else() -> None:
    assert worst('memory = "abc"') == ["memory is not a number: xl goes on with its default"]
    assert worst('on_crash = "bogus"') == ["on_crash is 'bogus': xl knows no such action"]
    assert worst('disk = "phy:/dev/x,xvda,w"') == ["disk is no list"]
    assert worst("memory = 1\nmemory = 2") == ["memory was set on line 2 already, and this one counts"]


def test_python_is_named() -> None:
    assert (
        worst("import os\nname = os.path.join('a', 'b')")[0] == "this is Python: xm ran it, xl refuses the whole file"
    )


def test_two_writers_and_one_vdev_are_named() -> None:
    found = worst('disk = [ "/a,raw,xvda,w", "/a,raw,xvdb,w", "/b,raw,xvda,w" ]')
    assert found == ["/a is written through two disks: its file system will break", "two disks are xvda"]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("spice = 1", ["at least one of the spiceport or tls_port must be provided",
                       "spice ticketing is enabled but missing password"]),
        ("spice = 1\nspiceport = 5900\nspicepasswd = ''", ["spice password can't be empty"]),
        ("spice = 1\nspiceport = 5900\nspicedisable_ticketing = 1", []),
        ("spice = 0", []),
    ],
)  # fmt: skip
def test_spice_is_held_against_libxls_rules(lines: str, found: list[str]) -> None:
    assert worst(lines) == found


def test_a_password_is_not_shown() -> None:
    text = "spice = 1\nspiceport = 5900\nspicepasswd = 'geheim'\nvncpasswd = 'geheim'\nfoo = 'geheim'"
    assert "geheim" not in "".join(row.text + row.hint for row in findings(text))


def test_each_series_builds_on_the_one_before() -> None:
    names = series_names()
    assert names[0] == "4.4"
    assert len(names) >= 17
    counts = [len(load_series(name).keys) for name in names]
    assert sorted(counts) == counts
    assert since("type") == "4.10"
    assert since("no_such_key") is None


class TestCommand:
    def run(self, tmp_path: Path, text: str, *options: str) -> tuple[int, str]:
        path = tmp_path / "g.cfg"
        path.write_text(text)
        done = CliRunner().invoke(app, ["lint", str(path), *options])
        return done.exit_code, done.output.replace(str(tmp_path), "")

    def test_a_good_configuration(self, tmp_path: Path) -> None:
        status, output = self.run(tmp_path, 'name = "g"\ndisk = [ "/x,raw,xvda,w" ]\n', "--profile", "sles12")
        assert status == 0
        assert output == (
            "/g.cfg:2: note: xvda: /x, raw, writable, by qdisk, for it is a file\n"
            "/g.cfg: xl of Xen 4.4 takes it as it is\n"
        )

    def test_one_that_xl_would_refuse(self, tmp_path: Path) -> None:
        status, output = self.run(tmp_path, 'disk = [ "/x,raw,xvda,w!" ]\n', "--profile", "debian12")
        assert status == 1
        assert "g.cfg:1: error: config parsing error in disk specification: unknown value for access" in output
        assert "xl of Xen 4.17 refuses it" in output

    def test_what_the_vendor_added_is_known(self, tmp_path: Path) -> None:
        text = 'disk = [ "format=raw, vdev=xvda, discard, target=/x" ]\n'
        assert self.run(tmp_path, text, "--profile", "sles12")[0] == 0

    def test_as_data(self, tmp_path: Path) -> None:
        status, output = self.run(tmp_path, "memory = 'x'\n", "--profile", "debian12", "--json")
        assert status == 1
        (rows,) = json.loads(output).values()
        assert [row["severity"] for row in rows] == ["warning"]

    def test_what_a_file_holds_moves_no_cursor(self, tmp_path: Path) -> None:
        _, output = self.run(tmp_path, 'name = "g"\nbuilder\x1b[2J = 1\n', "--profile", "debian12")
        assert "\x1b" not in output
