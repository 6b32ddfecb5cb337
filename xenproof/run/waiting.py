"""Waiting for a state: what a host or a guest says is read again until it is what is wanted, or time is up."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.5
Read = TypeVar("Read")


def wait_until(
    read: Callable[[], Read], wanted: Callable[[Read], bool], limit_s: float,
    meanwhile: Callable[[], object] = lambda: None,
) -> Read:  # fmt: skip
    """What `read` gives when that is `wanted`, or the last of it after `limit_s`; `meanwhile` is done in each pause.

    A pause is as long as the read before it at least: whoever asks a busy host without a pause keeps it busy.
    """
    deadline = time.monotonic() + limit_s
    while True:
        asked = time.monotonic()
        state = read()
        answered = time.monotonic()
        if wanted(state) or answered >= deadline:
            return state
        meanwhile()
        time.sleep(max(PAUSE_S, answered - asked))
