"""What the reading of one image may take: its time, and numbers of things that an image says how many it has of.

An image may be hostile: what is small in the file may be without end when it is read.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from xenproof.errors import SourceError

READING_LIMIT_S = 120.0


@dataclass
class Budget:
    """The limits of one reading, which begins when it is made; `clock` gives seconds."""

    seconds: float = READING_LIMIT_S
    clock: Callable[[], float] = time.monotonic
    taken: Counter[str] = field(default_factory=Counter)
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.clock() + self.seconds

    def check(self) -> None:
        """Raise SourceError if the time is over; whatever reads the image or goes round in it asks."""
        if self.clock() > self.end:
            raise SourceError(
                f"reading this image did not end within {self.seconds:g} s: it is damaged, made to take for ever, or "
                "on a slow disk; look at it with `qemu-img check` and `fsck -n`, or unpack it and name the folder"
            )

    def take(self, what: str, count: int, most: int) -> None:
        """Note `count` more of `what`; raises SourceError, and notes nothing, if that makes more than `most` in all."""
        if self.taken[what] + count > most:
            raise SourceError(f"this image has more than {most:,} {what}, which is more than are read of one image")
        self.taken[what] += count
