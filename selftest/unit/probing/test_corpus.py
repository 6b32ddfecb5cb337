"""The corpus of transcripts: it is there, whole, and its hosts' own."""

from pathlib import Path

import pytest

from selftest import corpus
from selftest.corpus import CORPUS, EXPECTED_FOLDERS, CorpusError, Transcript, folders, transcripts

every_host = pytest.mark.parametrize("folder", folders())


def test_the_hosts_are_all_there() -> None:
    assert sorted(set(EXPECTED_FOLDERS) - set(folders())) == []


@every_host
def test_each_host_says_where_it_comes_from(folder: str) -> None:
    assert (CORPUS / folder / "ORIGIN.md").read_text("utf-8").startswith("# ")


@every_host
def test_each_host_was_asked_for_what_parsers_read(folder: str) -> None:
    answered = [row.plain_command for row in transcripts(folder) if row.exit_status == 0 and row.out]
    wanted = ("xl list", "xl info", "xl help", "xl dmesg", "xenstore-ls")
    assert [command for command in wanted if not [text for text in answered if text.startswith(command)]] == []


def test_all_of_xen_4_4_1_is_there() -> None:
    rows = transcripts("xen-4.4.1")
    assert len(rows) == 389
    # What the index of that host counts is what is there: nothing was cut off, no end of a line was changed.
    lines = (CORPUS / "xen-4.4.1" / "index.tsv").read_text().splitlines()[1:]
    sizes = {name: (int(out or 0), int(err or 0)) for name, _, out, err, _ in (line.split("\t") for line in lines)}
    consoles = {row.name for row in rows if row.exit_status is None}
    found = {row.name: (len(row.stdout), len(row.stderr)) for row in rows}
    assert {name for name in sizes if found[name] != sizes[name]} <= consoles


@pytest.mark.parametrize(
    "index",
    [
        "file\tcommand\texit status\na\txl list\t0\n",
        "name\trc\tcommand\na\t0\txl list\n",
        "name\trc\tstdout bytes\tstderr bytes\tcommand\na\t0\t3\t0\txl list\n",
        "a\txl list\t0\n",
    ],
)
def test_an_index_is_read_whatever_the_order_of_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    monkeypatch.setattr(corpus, "CORPUS", tmp_path)
    (tmp_path / "index.tsv").write_text(index)
    (tmp_path / "a.out").write_bytes(b"x\r\n")
    transcripts.cache_clear()
    assert transcripts(".") == (Transcript(".", "a", "xl list", 0, b"x\r\n", b""),)
    (tmp_path / "b.err").write_bytes(b"")
    transcripts.cache_clear()
    with pytest.raises(CorpusError, match=r"files without a line: \['b'\]"):
        transcripts(".")
    transcripts.cache_clear()
