"""Transcripts of real commands: what they printed, and how they ended.

A folder of selftest/data/corpus is one host.  Its index.tsv has a line for each command: the name of its files
first, then, in either order, its exit status and the command; other columns are numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CORPUS = Path(__file__).parent / "data" / "corpus"
EXPECTED_FOLDERS = ("debian11", "debian12", "debian13", "xen-4.4.1")
"""The hosts whose transcripts have to be there: a test that runs over fewer proves less than it says."""


class CorpusError(ValueError):
    """The index of a folder and its files do not fit together."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one command printed; `exit_status` is None where it was not noted."""

    folder: str
    name: str
    command: str
    exit_status: int | None
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        """Its standard output as text, as connections give it."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """Its standard error as text, as connections give it."""
        return self.stderr.decode("utf-8", "replace")

    @property
    def plain_command(self) -> str:
        """The command without what was noted of its terminal."""
        return self.command.removeprefix("tty: ")


def folders() -> list[str]:
    """The hosts that there are transcripts of."""
    return sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


@cache
def transcripts(folder: str) -> tuple[Transcript, ...]:
    """All transcripts of a host; raises CorpusError if one has no files that fit, or a file has no line."""
    rows = _rows(CORPUS / folder / "index.tsv")
    found = tuple(
        Transcript(folder, name, command, status, _read(folder, name, "out"), _read(folder, name, "err"))
        for name, status, command in rows
    )
    names = {row.name for row in found}
    files = {path.name[:-4] for path in (CORPUS / folder).iterdir() if path.suffix in (".out", ".err")}
    if len(names) != len(found) or files - names:
        raise CorpusError(f"{folder}: names that come twice, or files without a line: {sorted(files - names)[:5]}")
    return found


def _rows(index: Path) -> list[tuple[str, int | None, str]]:
    """Name, exit status and command of each line."""
    header, *lines = (line.split("\t") for line in index.read_text("utf-8").splitlines() if line)
    if any(map(_is_status, header)):
        header, lines = [], [header, *lines]  # there is none
    if bad := [line for line in lines if len(line) < 3 or len(line) != len(lines[0])]:
        raise CorpusError(f"{index}: expected as many columns in each line, found {bad[0]}")
    columns = range(1, len(lines[0]))
    statuses = [at for at in columns if all(line[at] == "" or _is_status(line[at]) for line in lines)]
    commands = [at for at in columns if at not in statuses]
    if not statuses or len(commands) != 1:
        raise CorpusError(f"{index}: expected one column of exit statuses and one of commands, found {header}")
    rows = ((line[0], line[statuses[0]], line[commands[0]]) for line in lines)
    return [(name.removesuffix(".out"), int(status) if status else None, command) for name, status, command in rows]


def _is_status(word: str) -> bool:
    return word.isdecimal()


def _read(folder: str, name: str, kind: str) -> bytes:
    path = CORPUS / folder / f"{name}.{kind}"
    return path.read_bytes() if path.is_file() else b""


def disk_spec_of(name: str) -> str:
    """The disk specification that the dry run `name` of the real xl 4.4.1 was given."""
    text = (CORPUS / "xen-4.4.1" / f"{name}.cfg").read_text("utf-8")
    if (match := re.search(r'^disk=\["(.*)"\]$', text, re.MULTILINE)) is None:
        raise CorpusError(f"{name}.cfg has no line with one disk")
    return match[1]


def of_command(rows: Sequence[Transcript], *commands: str) -> list[Transcript]:
    """The transcripts of exactly these commands."""
    return [row for row in rows if row.plain_command in commands]
