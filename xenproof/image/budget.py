"""The limits for reading one image: its time, and the numbers of things that the image can contain.

An image may be hostile: a small file may expand without end when it is read.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from xenproof.errors import SourceError

READING_LIMIT_S = 120.0


@dataclass
class Budget:
    """The limits of one reading, which begins when the object is created; `clock` returns seconds."""

    seconds: float = READING_LIMIT_S
    clock: Callable[[], float] = time.monotonic
    taken: Counter[str] = field(default_factory=Counter)
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.clock() + self.seconds

    def check(self) -> None:
        """Raise SourceError if the time is over; every read and every loop over the image's data calls it."""
        if self.clock() > self.end:
            raise SourceError(
                f"reading this image did not end within {self.seconds:g} s: it is damaged, made to take for ever, or "
                "on a slow disk; look at it with `qemu-img check` and `fsck -n`, or unpack it and name the folder"
            )

    def take(self, what: str, count: int, most: int) -> None:
        """Count `count` more of `what`; raises SourceError, without counting, if the total would exceed `most`."""
        if self.taken[what] + count > most:
            raise SourceError(f"this image has more than {most:,} {what}, which is more than are read of one image")
        self.taken[what] += count
