"""Directory listings in a supportconfig: the type, the mode and the owner of files."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xenproof.errors import ParseError
from xenproof.supportconfig.blocks import Block

# /bin/ls -lR --time-style=long-iso /boot/
_CALL = re.compile(r"(?:\S*/)?ls -(?=\w*l)(?=\w*R)\w+(?: --time-style=long-iso)? (/\S*)")
# -rw-r--r-- 1 root root   5413 2014-09-25 17:02 config-3.12.28-4-xen, or Sep 25 17:02 in place of the date
_ROW = re.compile(
    r"([a-z-])([rwxsStT-]{9})[.+@]? +\d+ (\S+) +(\S+) +(?:\d+, +)?\d+ "
    r"(?:\d{4}-\d\d-\d\d \d\d:\d\d|[A-Z][a-z]{2} [ \d]\d (?:\d\d:\d\d| \d{4})) (.+)"
)
_FOLDER = re.compile(r"(/.{0,4095}):")  # limited, because the path of each row contains it
_MOST_FILES = 100_000
_TYPES = {"-": 0o100000, "d": 0o40000, "l": 0o120000, "b": 0o60000, "c": 0o20000, "p": 0o10000, "s": 0o140000}
_LINK = " -> "


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file in a listing: its mode with its type, as a number, and its owner, such as "root:root"."""

    mode: int
    owner: str


@dataclass(frozen=True)
class Listings:
    """All listed files, and the directories whose listings are complete."""

    files: dict[str, ListedFile]
    folders: tuple[str, ...]

    def covers(self, path: str) -> bool:
        """Whether the path would be listed if it existed."""
        return any(path.startswith(f"{folder}/") for folder in self.folders)


def read_listings(commands: Iterable[Block]) -> Listings:
    """The files of all recursive listings; raises ParseError if they are too large."""
    files: dict[str, ListedFile] = {}
    folders: list[str] = []
    for block in commands:
        if (call := _CALL.fullmatch(block.title)) is None or block.is_missing:
            continue
        found = dict(_rows(block.lines))
        # There are no rows if the directory could not be listed, or if it was empty: these look the same.
        if found:
            folders.append(posixpath.normpath(call[1]))
            files |= found
            if len(files) > _MOST_FILES:
                raise ParseError(f"the listings of this supportconfig have more than {_MOST_FILES:,} files")
    return Listings(files, tuple(folders))


def _rows(lines: Iterable[str]) -> Iterator[tuple[str, ListedFile]]:
    folder = ""
    for line in lines:
        if header := _FOLDER.fullmatch(line):
            folder = posixpath.normpath(header[1])
        elif folder and (row := _ROW.fullmatch(line)):
            name = row[5].partition(_LINK)[0] if row[1] == "l" else row[5]
            yield (
                posixpath.join(folder, name),
                ListedFile(_TYPES.get(row[1], 0) | _permissions(row[2]), f"{row[3]}:{row[4]}"),
            )


def _permissions(text: str) -> int:
    """The number for "rwxr-sr-t"."""
    bits = sum(1 << (8 - at) for at, letter in enumerate(text) if letter not in "-ST")
    special = ((2, "sS", 0o4000), (5, "sS", 0o2000), (8, "tT", 0o1000))
    return bits | sum(value for at, letters, value in special if text[at] in letters)
