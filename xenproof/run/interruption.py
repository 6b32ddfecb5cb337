"""The first signal ends a run as Ctrl-C does, with everything cleaned up; a later one does not end the cleanup."""

import atexit
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, the stop of a service, and a closed terminal.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_sigterm() -> None:
    """Make SIGTERM raise KeyboardInterrupt in the main thread, unless `Interruptions` handle it already."""
    if not isinstance(getattr(signal.getsignal(signal.SIGTERM), "__self__", None), Interruptions):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


class Interruptions:
    """Turns the first signal into a KeyboardInterrupt, and ignores the second one, so that the cleanup is completed.

    Users press Ctrl-C twice, and a service manager sends SIGTERM to a process that is already ending: a second
    KeyboardInterrupt would interrupt the cleanup.
    """

    def __init__(self) -> None:
        self.asked = 0
        """The number of signals so far."""
        self._is_ending = False
        self._may_cut_short = False
        # Signals that are ignored stay ignored (a shell's background, nohup); None is a handler not set from Python.
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        self._before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}

    def install(self) -> None:
        """Install the handler, except for ignored signals."""
        for number in self._before:
            signal.signal(number, self._on_signal)

    def restore(self) -> None:
        """Restore the previous handlers; signals are ignored while Python itself ends.

        After an interrupted run they are ignored at once: a further signal would change the exit status that the
        report states.
        """
        if self.asked:
            _ignore()
            return
        for number, before in self._before.items():
            signal.signal(number, before)
        atexit.register(_ignore)

    def is_ending(self) -> None:
        """Record that the first signal was caught, or that none is needed: later signals are only counted."""
        self._is_ending = True

    @contextmanager
    def may_cut_short(self) -> Iterator[None]:
        """Let the next signal end the body: what the body leaves undone is done elsewhere, too."""
        try:
            self._may_cut_short = True
            yield
        finally:
            self._may_cut_short = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1
        # The second signal is ignored.  The third raises again if the first was not caught yet: that one may have been
        # lost, as in a __del__.
        if self._may_cut_short or (not self._is_ending and self.asked != 2):
            _interrupt(number, frame)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
