"""The console of a guest, read while it runs and stored in full."""

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack

from xenproof.errors import SourceError
from xenproof.run.expired import note_expired
from xenproof.source.connection import Connection, Stream

MAX_BYTES = 4 << 20
"""The most that is stored of one console, as a guest may print endlessly; further bytes are only counted."""
DRAIN_LIMIT_S = 2.0


class Console:
    """The console output of a guest so far, and when each of the awaited marks first appeared in it."""

    def __init__(self, marks: dict[str, str]) -> None:
        self._marks = marks
        self._data = bytearray()
        self._dropped = 0
        self._stream: Stream | None = None
        self._streams = ExitStack()
        self.seen_at: dict[str, float] = {}
        self.ended = False

    def attach(self, stream: Stream) -> None:
        """Read from `stream` from now on."""
        self._stream = stream
        self.ended = False

    def follow(self, dom0: Connection, script: str) -> None:
        """Read from now on the output of a shell command on dom0, which runs until the console is closed."""
        self.attach(self._streams.enter_context(dom0.follow(script)))

    def close(self) -> None:
        """Stop reading, and end the command that was followed; the output read so far stays."""
        self._stream = None
        self._streams.close()

    @property
    def text(self) -> str:
        """The output as text; bytes that are not UTF-8 become U+FFFD."""
        return self._data.decode("utf-8", "replace")

    @property
    def data(self) -> bytes:
        """The output as bytes, with a note at the end where some were dropped."""
        note = b"\n[%d more bytes were dropped]\n" % self._dropped if self._dropped else b""
        return bytes(self._data) + note

    def pump(self, limit_s: float) -> bool:
        """Read what arrives within `limit_s`; returns False where nothing did."""
        if self._stream is None or self.ended:
            return False
        try:
            chunk = self._stream.read(limit_s)
        except SourceError:
            self.ended = True
            raise
        if chunk is None:
            self.ended = True
            return False
        room = MAX_BYTES - len(self._data)
        begin = len(self._data)
        self._data += chunk[:room]
        self._dropped += max(0, len(chunk) - room)
        for label, mark in self._marks.items():
            # A mark may be split between two chunks.
            if label not in self.seen_at and mark.encode() in self._data[max(0, begin - len(mark)) :]:
                self.seen_at[label] = time.time()
        return bool(chunk)

    def drain(self) -> None:
        """Read what has already arrived, for at most DRAIN_LIMIT_S where the guest prints without a pause.

        A broken connection is ignored: the next command on the guest's host raises that error.
        """
        deadline = time.monotonic() + DRAIN_LIMIT_S
        with contextlib.suppress(SourceError):
            while self.pump(0.0) and time.monotonic() < deadline:
                pass

    def wait(self, until: Callable[[], bool], limit_s: float) -> bool:
        """Read until `until()` holds; returns False after `limit_s`, or where the console ended before."""
        deadline = time.monotonic() + limit_s
        while not until():
            left = deadline - time.monotonic()
            if self.ended:
                return False
            if left <= 0:
                note_expired(f"the suite waited {max(limit_s, 0):.0f} s for an output of a guest that did not come")
                return False
            self.pump(min(left, 1.0))
        return True
