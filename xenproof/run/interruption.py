"""Signals that end a run end it as Ctrl-C does, with everything undone; what undoes it is not ended by the next one."""

import atexit
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, the end of a service, and a terminal that was closed.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_sigterm() -> None:
    """From now on SIGTERM raises KeyboardInterrupt in the main thread, unless `Interruptions` hear it already."""
    if not isinstance(getattr(signal.getsignal(signal.SIGTERM), "__self__", None), Interruptions):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


class Interruptions:
    """Turns the first signal into a KeyboardInterrupt, and lets those behind it wait until what that undoes is undone.

    Ctrl-C is pressed twice, and a service manager sends SIGTERM to who is on the way to end: a second
    KeyboardInterrupt would fall into the middle of that.
    """

    def __init__(self) -> None:
        self.asked = 0
        """How often somebody asked for the end."""
        self._is_ending = False
        self._may_cut_short = False
        # Not what is ignored, as in a shell's background or behind nohup; None is a handler that is not Python's.
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        self._before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}

    def hear(self) -> None:
        """Take the signals that anybody hears."""
        for number in self._before:
            signal.signal(number, self._on_signal)

    def let_go(self) -> None:
        """Give the signals back to who had them; what Python does when it ends is not for them to break."""
        for number, before in self._before.items():
            signal.signal(number, before)
        atexit.register(_ignore)

    def is_ending(self) -> None:
        """The first one has arrived where it is caught, or nobody needs one: from now on they are only counted."""
        self._is_ending = True

    @contextmanager
    def may_cut_short(self) -> Iterator[None]:
        """A body that the next signal ends, as it does what something else does, too, where it is not done."""
        try:
            self._may_cut_short = True
            yield
        finally:
            self._may_cut_short = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1
        # The second one waits.  A third where the first one was not caught yet: it may have been lost, as in a __del__.
        if self._may_cut_short or (not self._is_ending and self.asked != 2):
            _interrupt(number, frame)


def _ignore() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
