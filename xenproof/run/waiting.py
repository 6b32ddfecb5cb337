"""Waits for a state: reads it again until it is the wanted one, or until a time limit."""

import time
from collections.abc import Callable
from typing import TypeVar

from xenproof.run.expired import note_expired

PAUSE_S = 0.5
Read = TypeVar("Read")


def wait_until(
    read: Callable[[], Read], wanted: Callable[[Read], bool], limit_s: float,
    meanwhile: Callable[[], object] = lambda: None,
) -> Read:  # fmt: skip
    """The first result of `read` that is `wanted`, else the last one after `limit_s`; runs `meanwhile` in each pause.

    A pause is at least as long as the read before it: polling a busy host without pauses keeps it busy.
    """
    deadline = time.monotonic() + limit_s
    while True:
        asked = time.monotonic()
        state = read()
        answered = time.monotonic()
        if wanted(state):
            return state
        if answered >= deadline:
            note_expired(f"the suite waited {limit_s:g} s for a state that did not come")
            return state
        meanwhile()
        time.sleep(max(PAUSE_S, answered - asked))
