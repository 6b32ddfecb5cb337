"""Binary formats as a good file and a few changes of it: what is large and mostly zeros stays a small input.

An input is a byte that picks the file, then changes: three bytes say where, one how long, and as many follow.
Places count only what is not zero in the good file, and what follows that closely.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

_BLOCK = 512
_PLACE = 3


class Patched:
    """Files out of inputs."""

    def __init__(self, files: Sequence[bytes]) -> None:
        self.files = list(files)
        self._blocks = [_used(file) for file in self.files]
        self._ends = [list(accumulate(len(block) for block in blocks)) for blocks in self._blocks]

    def file(self, data: bytes) -> bytearray:
        """The changed file that an input stands for."""
        which = data[0] % len(self.files) if data else 0
        found = bytearray(self.files[which])
        at = 1
        while at + _PLACE < len(data):
            place, count = int.from_bytes(data[at : at + _PLACE], "little"), data[at + _PLACE] % 16 + 1
            at += _PLACE + 1
            new = data[at : at + count]
            begin = self._real(which, place)
            found[begin : begin + len(new)] = new
            at += count
        del found[len(self.files[which]) :]
        return found

    def input(self, which: int, changes: Iterable[tuple[int, bytes]] = ()) -> bytes:
        """The input for a file with `changes`: where in the file, and what stands there then, 16 bytes at most."""
        parts = [bytes([which])]
        for place, new in changes:
            parts.append(self._packed(which, place).to_bytes(_PLACE, "little") + bytes([len(new) - 1]) + new)
        return b"".join(parts)

    def _real(self, which: int, place: int) -> int:
        ends = self._ends[which]
        place %= ends[-1]
        at = bisect_right(ends, place)
        return self._blocks[which][at].start + place - (ends[at - 1] if at else 0)

    def _packed(self, which: int, place: int) -> int:
        before = 0
        for block in self._blocks[which]:
            if place in block:
                return before + place - block.start
            before += len(block)
        raise ValueError(f"byte {place} is in no block that has anything: no input stands for it")


def _used(file: bytes) -> list[range]:
    """The first block, those that are not zero, and the one behind each; the whole file if it is small."""
    if len(file) <= 64 * _BLOCK:
        return [range(len(file))]
    full = {0} | {at for at in range(0, len(file), _BLOCK) if file[at : at + _BLOCK].strip(b"\0")}
    wanted = sorted(full | {at + _BLOCK for at in full if at + _BLOCK < len(file)})
    return [range(at, min(at + _BLOCK, len(file))) for at in wanted]
