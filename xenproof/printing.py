"""The one door to the terminal: whatever xenproof prints goes through here, and nothing in it acts on a terminal.

What is printed may quote a peer that was not even authenticated, a file that somebody sent, or a path with brackets
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

# What pytest writes to colour a word and to write a line anew.
_OWN_SEQUENCE = re.compile(r"(\x1b\[[0-9;]{0,20}[mK]|\r)")


class Door:
    """Standard output for a program of others, such as pytest: its colours pass, what could act on a terminal does not.

    Where nobody reads any more, or the disk behind it is full, what is written is lost, and the program goes on: how
    a run ends is not for its reader to say.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write `text`, with a sign for each control character that is not part of a colour."""
        parts = _OWN_SEQUENCE.split(text) if "\x1b" in text or "\r" in text else [text]
        self._try(lambda: self._file.write("".join(part if at % 2 else visible(part) for at, part in enumerate(parts))))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._try(self._file.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except OSError:
            _to_nowhere(self._file)


def through_the_door(file: TextIO | None) -> TextIO:
    """`file`, written to through a `Door`; None, as where it was closed before we began, leads nowhere."""
    if isinstance(file, Door):
        return cast(TextIO, file)
    return cast(TextIO, Door(file or cast(TextIO, _Nowhere())))


class _Nowhere(io.TextIOBase):
    """Takes what is written, and keeps nothing of it."""

    def write(self, text: str) -> int:
        return len(text)


def _to_nowhere(file: TextIO) -> None:
    """Let the rest of what is written to `file` vanish, also what Python writes of it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)


class _Harmless(Console):
    """A console on which text is only text.  Colours and the movements of a progress line are rich's own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(self._shown(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Go on without a reader; rich would end the run with status 1, which means that a host does not conform."""
        self.quiet = True
        _to_nowhere(sys.stdout)

    def _shown(self, text: str) -> str:
        """`text` with signs in place of control characters, and of what this terminal has no code for."""
        shown = visible(text)
        return shown if shown.isascii() else shown.encode(self.encoding, "backslashreplace").decode(self.encoding)


def console(*, stderr: bool = False, file: TextIO | None = None, quiet: bool = False, wrap: bool = True) -> Console:
    """Where tables, coloured text and progress are printed; a string is printed as it stands, never as markup."""
    return _Harmless(
        stderr=stderr, file=file, quiet=quiet, soft_wrap=not wrap, highlight=False, markup=False, emoji=False
    )


def say(text: str) -> None:
    """Print lines to standard output, as long as they are."""
    console(wrap=False).print(Text(visible(text)))


def complain(text: str) -> None:
    """Print lines to standard error, as long as they are."""
    console(stderr=True, wrap=False).print(Text(visible(text)))
