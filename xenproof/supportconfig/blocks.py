"""The texts of a supportconfig consist of blocks: a command or a file, and its output or content.

    #==[ Command ]======================================#
    # /usr/sbin/xl info
    host                   : xen1

    #==[ Configuration File ]===========================#
    # /etc/xen/xend-config.sxp - File not found

Exit codes are not recorded.  Files are recorded without comments and empty lines, except for grub.cfg.
"""

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from xenproof.errors import ParseError, SourceError

COMMAND, CONFIGURATION, LOG = "Command", "Configuration File", "Log File"
# The limit of one block whose lines are used.
MOST_BLOCK_BYTES = 8 << 20
MOST_LINES = 250_000
_LONGEST_TITLE = 1024
_HEADER = re.compile(rb"^#==\[ ([^\]\n]{1,80}) \]=*#?[ \t\r\f\v]*\n", re.MULTILINE)
_NOT_FOUND = " - File not found"
# /var/log/xen/xl-d1.log - Last 500 Lines
_LAST_LINES = re.compile(r" - Last \d{1,20} Lines$")
_NO_COMMAND = "ERROR: Command not found or not execut"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its kind, its title without the number sign, the data below it, and the file that contains it."""

    kind: str
    title: str
    body: bytes
    file: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Its lines; split at each call, because most blocks are never used.  Raises ParseError if it is huge."""
        count = self.body.count(b"\n")
        if len(self.body) > MOST_BLOCK_BYTES or count > MOST_LINES:
            raise ParseError(
                f"{self.title[:200]!r} in {self.file} has {len(self.body):,} bytes in {count:,} lines, "
                f"expected {MOST_BLOCK_BYTES:,} in {MOST_LINES:,} or fewer"
            )
        lines = self.body.decode("utf-8", "replace").split("\n")[:-1]
        while lines and not lines[-1].strip():
            lines.pop()  # empty lines separate the blocks
        return tuple(lines)

    @property
    def path(self) -> str:
        """The file that the block shows."""
        return _LAST_LINES.sub("", self.title.removesuffix(_NOT_FOUND))

    @property
    def is_missing(self) -> bool:
        """Whether the file or the command did not exist on the host."""
        return self.title.endswith(_NOT_FOUND) or self.body.startswith(_NO_COMMAND.encode())

    @property
    def text(self) -> str:
        """The lines in the form in which a command prints them."""
        return "".join(f"{line}\n" for line in self.lines)


def parse_blocks(name: str, data: bytes) -> Iterator[Block]:
    """The blocks of one file; text before the first one is skipped.

    Raises SourceError if the file is truncated.
    """
    if data and not data.endswith(b"\n"):
        raise SourceError(f"{name} is cut off: its last line has no end")
    kind, begin = "", 0
    for header in _HEADER.finditer(data):
        yield from _block(kind, data, begin, header.start(), name)
        kind, begin = header[1].decode("utf-8", "replace").strip(), header.end()
    yield from _block(kind, data, begin, len(data), name)


def _block(kind: str, data: bytes, begin: int, end: int, name: str) -> Iterator[Block]:
    title_end = data.find(b"\n", begin, end)
    if not kind or not 0 < title_end - begin <= _LONGEST_TITLE or not data.startswith(b"# ", begin):
        return  # no block that is used has such a long title
    title = data[begin + 2 : title_end].decode("utf-8", "replace").strip()
    yield Block(kind, title, data[title_end + 1 : end], name)


@dataclass(frozen=True)
class Blocks:
    """All blocks of a supportconfig, in the order of its files."""

    all: tuple[Block, ...]
    files: frozenset[str]

    def command(self, command: str) -> Block | None:
        """The block of a command such as "xl info", whatever path was used to call its program."""
        return self._commands.get(command)

    def commands(self) -> Iterable[Block]:
        """The blocks of all commands."""
        return (block for block in self.all if block.kind == COMMAND)

    def configuration(self, path: str) -> Block | None:
        """The block of a configuration file, which may state that the file does not exist."""
        return self._configuration.get(path)

    def log(self, path: str) -> Block | None:
        """The block of a log file, which may state that the file does not exist."""
        return self._logs.get(path)

    def below(self, kind: str, folder: str) -> list[str]:
        """The sorted paths directly in a folder that have a block of that kind."""
        paths = {block.path for block in self.all if block.kind == kind and not block.is_missing}
        return sorted(path for path in paths if posixpath.dirname(path) == folder)

    def was_read(self, path: str) -> bool:
        """Whether that file, or one below it, was read."""
        inside = f"{path}/"
        at = bisect_left(self._read, inside)
        found = self._read[at : at + 1]
        return path in self._configuration_or_log or bool(found and found[0].startswith(inside))

    @cached_property
    def _commands(self) -> dict[str, Block]:
        found: dict[str, Block] = {}
        for block in self.commands():
            found.setdefault(_called(block.title), block)
        return found

    @cached_property
    def _configuration(self) -> dict[str, Block]:
        found: dict[str, Block] = {}
        for block in self.all:
            if block.kind != CONFIGURATION:
                continue
            first = found.setdefault(path := block.path, block)
            if first.is_missing and not block.is_missing:
                found[path] = block
        return found

    @cached_property
    def _logs(self) -> dict[str, Block]:
        found: dict[str, Block] = {}
        for block in self.all:
            if block.kind == LOG:
                found.setdefault(block.path, block)
        return found

    @cached_property
    def _read(self) -> list[str]:
        return sorted(self._configuration_or_log)

    @cached_property
    def _configuration_or_log(self) -> frozenset[str]:
        kinds = (CONFIGURATION, LOG)
        return frozenset(block.path for block in self.all if block.kind in kinds and not block.is_missing)


def _called(title: str) -> str:
    program, space, rest = title.partition(" ")
    return posixpath.basename(program) + space + rest
