"""Dry runs of xl: what a real xl 4.4.1 printed of each disk specification is what the rules of 4.4 predict."""

import pytest

from selftest.corpus import disk_spec_of, transcripts
from xenproof.errors import ParseError, SourceError
from xenproof.source.probe import CUT, CUT_EXIT_CODE, Probe, ProbeOutput, Recording
from xenproof.xen.disk_line import dry_run_words, predicted_words
from xenproof.xen.dry_run import DryRun, DryRuns, parse_dry_run
from xenproof.xlcfg.specs import known_specs
from xenproof.xlcfg.xl_series import load_series, series_names

OF_4_4_1 = {row.name: row for row in transcripts("xen-4.4.1") if row.name.startswith("diskspec_")}


def run_of(name: str) -> DryRun:
    row = OF_4_4_1[name]
    assert row.exit_status is not None
    return parse_dry_run(ProbeOutput(name, row.stdout, row.stderr, row.exit_status))


@pytest.mark.parametrize("name", OF_4_4_1)
def test_a_real_dry_run_is_read_as_it_was_predicted(name: str) -> None:
    assert dry_run_words(run_of(name)) == predicted_words(disk_spec_of(name), load_series("4.4").disk)


def test_the_rules_of_another_release_do_not_fit() -> None:
    words = load_series("4.17").disk
    wrong = {name for name in OF_4_4_1 if dry_run_words(run_of(name)) != predicted_words(disk_spec_of(name), words)}
    assert "diskspec_kv_discard" in wrong
    assert "diskspec_positional_full" not in wrong


def test_the_specifications_that_hosts_are_asked_for_hold_all_of_the_corpus() -> None:
    asked = known_specs()
    assert {name.removeprefix("diskspec_") for name in OF_4_4_1} - asked.keys() == set()
    assert all('"' not in spec and "\\" not in spec for spec in asked.values())


@pytest.mark.parametrize("series", series_names())
def test_every_specification_has_a_prediction(series: str) -> None:
    words = load_series(series).disk
    assert all(predicted_words(spec, words) for spec in known_specs().values())


@pytest.mark.parametrize("folder", ["debian11", "debian12", "debian13"])
def test_later_releases_print_the_configuration_by_itself(folder: str) -> None:
    (row,) = [row for row in transcripts(folder) if row.name == "xl_create_-n"]
    found = dry_run_words(parse_dry_run(ProbeOutput(row.name, row.stdout, row.stderr, 0)))
    assert found.endswith(", raw, as xvda, writable, backendtype phy")


@pytest.mark.parametrize(
    "printed",
    [b"", b"Parsing config from x\n", b"{", b"[1]", b'{"config": {}}', b'{"a":' * 100_000, b'{"a":' + b"[" * 100_000],
)
def test_an_xl_that_says_yes_and_prints_no_domain_is_not_understood(printed: bytes) -> None:
    with pytest.raises(ParseError, match="xl create -n printed"):
        parse_dry_run(ProbeOutput("x", printed, b"", 0))


def test_a_refusal_for_another_reason_keeps_what_xl_said() -> None:
    run = parse_dry_run(ProbeOutput("x", b"", b"xl: command not found\n", 127))
    assert dry_run_words(run) == "refused with exit code 127: xl: command not found"


@pytest.mark.parametrize("disks", [None, [], [{}, {}], "x"])
def test_a_configuration_of_other_than_one_disk_is_not_understood(disks: object) -> None:
    with pytest.raises(ParseError, match="expected one"):
        dry_run_words(DryRun({"c_info": {}, "disks": disks}, "", 0))


@pytest.mark.parametrize("name", ["pdev_path", "format", "vdev", "backend", "backend_domname", "script"])
@pytest.mark.parametrize("value", [5, 1.5, True, ["raw"], {"raw": 1}])
def test_a_disk_with_other_than_words_is_not_understood(name: str, value: object) -> None:
    with pytest.raises(ParseError, match=f"{name}.*expected text"):
        dry_run_words(DryRun({"c_info": {}, "disks": [{"vdev": "xvda", name: value}]}, "", 0))


@pytest.mark.parametrize("name", ["pdev_path", "format", "vdev", "backend", "backend_domname", "script"])
def test_a_disk_with_a_null_is_one_without_that(name: str) -> None:
    disk = {"pdev_path": "/x", "format": "raw", "vdev": "xvda", "backend": "phy", "backend_domname": "d", "script": "s"}
    without = {key: value for key, value in disk.items() if key != name}
    expected = dry_run_words(DryRun({"c_info": {}, "disks": [without]}, "", 0))
    assert dry_run_words(DryRun({"c_info": {}, "disks": [{**disk, name: None}]}, "", 0)) == expected


def test_a_dry_run_that_did_not_end_is_an_error_and_the_others_are_read() -> None:
    """Any exit code of xl is an answer, but none is that of a probe whose output was cut: on a starved host."""
    probes = {name: Probe(name, "", allowed=frozenset(range(256))) for name in ("cut", "refused")}
    outputs = {
        "cut": ProbeOutput("cut", b"", CUT + b": reading lab://x did not end within 240 s", CUT_EXIT_CODE),
        "refused": ProbeOutput("refused", b"", b"xl: no such thing\n", CUT_EXIT_CODE),
    }
    runs = DryRuns(Recording("lab://x", "", outputs), probes)
    with pytest.raises(SourceError, match="did not end within 240 s"):
        runs.of("cut")
    assert dry_run_words(runs.of("refused")) == "refused with exit code 255: xl: no such thing"
