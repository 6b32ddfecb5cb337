"""The one place that writes to the terminal: no text that xenproof prints can control the terminal.

Printed text may quote a peer that was not even authenticated, a file from a stranger, or a path with brackets
in it: control characters become visible signs, and no text is taken for rich's markup.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from xenproof.plain import visible

# The sequences with which pytest colours a word and rewrites a line.
_OWN_SEQUENCE = re.compile(r"(\x1b\[[0-9;]{0,20}[mK]|\r)")


class EscapedOutput:
    """Standard output for another program, such as pytest: colours pass, other control characters become signs.

    If the reader has closed the pipe, or the disk is full, the output is discarded and the program continues: the
    reader of a run must not change how it ends.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write `text`, with a sign for each control character that is not part of a colour."""
        parts = _OWN_SEQUENCE.split(text) if "\x1b" in text or "\r" in text else [text]
        self._try(lambda: self._file.write("".join(part if at % 2 else visible(part) for at, part in enumerate(parts))))
        return len(text)

    def flush(self) -> None:
        """Flush the underlying file."""
        self._try(self._file.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except OSError:
            _to_nowhere(self._file)


def escaped_output(file: TextIO | None) -> TextIO:
    """`file` as an `EscapedOutput`; None, a file that was closed before xenproof began, as one that discards all."""
    if isinstance(file, EscapedOutput):
        return cast(TextIO, file)
    return cast(TextIO, EscapedOutput(file or cast(TextIO, _Nowhere())))


class _Nowhere(io.TextIOBase):
    """Discards everything that is written."""

    def write(self, text: str) -> int:
        return len(text)


def _to_nowhere(file: TextIO) -> None:
    """Discard the rest of what is written to `file`, including what Python flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)


class _EscapedText(Console):
    """A console that prints only plain text.  Colours and the movements of a progress line are rich's own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(self._shown(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Continue without a reader; rich would exit with status 1, which means that a host does not conform."""
        self.quiet = True
        _to_nowhere(sys.stdout)

    def _shown(self, text: str) -> str:
        """`text` with signs for control characters, and escapes for characters that the terminal's encoding lacks."""
        shown = visible(text)
        return shown if shown.isascii() else shown.encode(self.encoding, "backslashreplace").decode(self.encoding)


def console(*, stderr: bool = False, file: TextIO | None = None, quiet: bool = False, wrap: bool = True) -> Console:
    """The console for tables, coloured text and progress; it prints a string unchanged, never as markup."""
    return _EscapedText(
        stderr=stderr, file=file, quiet=quiet, soft_wrap=not wrap, highlight=False, markup=False, emoji=False
    )


def say(text: str) -> None:
    """Print lines to standard output without wrapping them."""
    console(wrap=False).print(Text(visible(text)))


def complain(text: str) -> None:
    """Print lines to standard error without wrapping them."""
    console(stderr=True, wrap=False).print(Text(visible(text)))
