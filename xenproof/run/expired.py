"""The time limits of the suite that passed in this process, so that a failure can be told from a host that was slow.

A limit that passed is no failure by itself: the caller judges what it found until then.
"""

_expired: list[str] = []


def note_expired(what: str) -> None:
    """Note that a limit passed; `what` says which, in one sentence without a period."""
    _expired.append(what)


def count_expired() -> int:
    """How many limits have passed so far."""
    return len(_expired)


def expired_since(count: int) -> tuple[str, ...]:
    """What passed since `count_expired` returned `count`."""
    return tuple(_expired[count:])
