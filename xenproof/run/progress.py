"""Shows what the lab is doing during long steps."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from xenproof.printing import console as safe_console


class Progress:
    """Prints the name and the duration of each phase; `seconds` stores the durations."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or safe_console(stderr=True)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, what: str, usual_s: float) -> Iterator[None]:
        """Show `what` while the body runs; `usual_s` is the usual duration on two cores without KVM."""
        begun = time.monotonic()
        label = f"lab: {what}"
        if self._console.is_terminal:
            with self._console.status(Text(f"{label} (about {usual_s:.0f} s)")):
                yield
        else:
            self._console.print(f"{label} (about {usual_s:.0f} s) ...", soft_wrap=True)
            yield
        taken = time.monotonic() - begun
        self.seconds[what] = taken
        self._console.print(f"{label}: {taken:.1f} s", soft_wrap=True)

    def note(self, text: str) -> None:
        """Print one line between phases."""
        self._console.print(f"lab: {text}", soft_wrap=True)


class Silent(Progress):
    """Prints nothing, for callers that print their own progress."""

    def __init__(self) -> None:
        super().__init__(safe_console(quiet=True))
