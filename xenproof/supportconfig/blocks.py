"""The texts of a supportconfig are made of blocks: what was asked, and what came back.

    #==[ Command ]======================================#
    # /usr/sbin/xl info
    host                   : xen1

    #==[ Configuration File ]===========================#
    # /etc/xen/xend-config.sxp - File not found

Exit codes are not kept.  Files are kept without comments and empty lines, except for grub.cfg.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xenproof.errors import SourceError

COMMAND, CONFIGURATION, LOG = "Command", "Configuration File", "Log File"
_HEADER = re.compile(r"#==\[ ([^\]]{1,80}) \]=*#?\s*")
_NOT_FOUND = " - File not found"
# /var/log/xen/xl-d1.log - Last 500 Lines
_LAST_LINES = re.compile(r" - Last \d+ Lines$")
_NO_COMMAND = "ERROR: Command not found or not execut"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its kind, its title without the number sign, its lines, and the file that it is in."""

    kind: str
    title: str
    lines: tuple[str, ...]
    file: str

    @property
    def path(self) -> str:
        """The file that the block is about."""
        return _LAST_LINES.sub("", self.title.removesuffix(_NOT_FOUND))

    @property
    def is_missing(self) -> bool:
        """Whether there was no such file, or no such command."""
        return self.title.endswith(_NOT_FOUND) or bool(self.lines and self.lines[0].startswith(_NO_COMMAND))

    @property
    def text(self) -> str:
        """The lines as a command would have printed them."""
        return "".join(f"{line}\n" for line in self.lines)


def parse_blocks(name: str, text: str) -> Iterator[Block]:
    """The blocks of one file; what stands before the first is left out.  Raises SourceError if it is cut off."""
    if text and not text.endswith("\n"):
        raise SourceError(f"{name} is cut off: its last line has no end")
    kind, held = "", list[str]()
    for line in text.split("\n")[:-1]:
        if (header := _HEADER.fullmatch(line)) is None:
            held.append(line)
            continue
        yield from _block(kind, held, name)
        kind, held = header[1].strip(), []
    yield from _block(kind, held, name)


def _block(kind: str, lines: list[str], name: str) -> Iterator[Block]:
    if not kind or not lines or not lines[0].startswith("# "):
        return
    title, *rest = lines
    while rest and not rest[-1].strip():
        rest.pop()  # empty lines part the blocks
    yield Block(kind, title.removeprefix("# ").strip(), tuple(rest), name)


@dataclass(frozen=True)
class Blocks:
    """All blocks of a supportconfig, in the order of its files."""

    all: tuple[Block, ...]
    files: frozenset[str]

    def command(self, command: str) -> Block | None:
        """The block of a command such as "xl info", by whatever path its program was called."""
        return next((block for block in self.all if block.kind == COMMAND and _called(block.title) == command), None)

    def commands(self) -> Iterable[Block]:
        """The blocks of all commands."""
        return (block for block in self.all if block.kind == COMMAND)

    def configuration(self, path: str) -> Block | None:
        """The block of a configuration file, which may say that there is none."""
        found = [block for block in self.all if block.kind == CONFIGURATION and block.path == path]
        return next((block for block in found if not block.is_missing), found[0] if found else None)

    def log(self, path: str) -> Block | None:
        """The block of a log file, which may say that there is none."""
        return next((block for block in self.all if block.kind == LOG and block.path == path), None)

    def below(self, kind: str, folder: str) -> list[str]:
        """The paths right in a folder that have a block of that kind, sorted."""
        paths = {block.path for block in self.all if block.kind == kind and not block.is_missing}
        return sorted(path for path in paths if posixpath.dirname(path) == folder)


def _called(title: str) -> str:
    program, space, rest = title.partition(" ")
    return posixpath.basename(program) + space + rest
