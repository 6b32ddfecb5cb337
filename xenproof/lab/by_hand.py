"""Starts the lab hosts that stay until `xenproof lab down`."""

from collections.abc import Sequence
from contextlib import ExitStack

from xenproof.errors import UsageError
from xenproof.lab.host import LabHost, find, up
from xenproof.lab.pair import new_pair
from xenproof.run.progress import Progress
from xenproof.source.connection import quoted
from xenproof.source.lab_name import LabName, numbered


def up_by_hand(names: Sequence[LabName], progress: Progress, memory_mib: int | None = None) -> list[LabHost]:
    """One host, or two as a pair, started unless they are up.

    Raises UsageError for more than two, and where they are up in another way than they are asked for; LabError where
    one does not start: then none is left.
    """
    if len(names) > 2:  # a pair
        raise UsageError(f"expected one lab host, or two as a pair, found {len(names)}")
    names = numbered(names)
    found = [host for name in names if (host := find(str(name))) is not None]
    if not found:
        return _started(names, progress, memory_mib)
    pairs = {host.run.member.pair if host.run.member else "" for host in found}
    together = len(found) == len(names) and (len(names) == 1 or (len(pairs) == 1 and "" not in pairs))
    if not together or memory_mib is not None:
        said = " and ".join(host.run.release for host in found)
        how = "with the memory that it has" if together else "and not as a pair with the other"
        down = "; ".join(quoted("xenproof", "lab", "down", host.run.release) for host in found)
        raise UsageError(f"{said} is up already, {how}; end it first: {down}")
    return found


def _started(names: Sequence[LabName], progress: Progress, memory_mib: int | None) -> list[LabHost]:
    started = list[LabHost]()
    with ExitStack() as closed, ExitStack() as undo:
        places = new_pair(names[0], names[1]) if len(names) == 2 else (None,)  # a pair
        for place in places:
            if place is not None:
                closed.callback(place.shared.close)
        for name, place in zip(names, places, strict=True):
            host = up(str(name), progress, detached=True, memory_mib=memory_mib, place=place)
            undo.callback(host.down)
            started.append(host)
        undo.pop_all()
    return started
