"""What a lab host shares with the other host of a pair: a wire and a disk.  A host alone has both, and nobody shares.

Neither has a name: both are open files that QEMU inherits, so they are gone with the last QEMU that has them.
"""

import os
import socket
from contextlib import ExitStack, suppress
from tempfile import TemporaryFile

from xenproof.errors import LabError
from xenproof.run.cache import GIB, made
from xenproof.run.runs import runs_folder

# More than the sockets hold, in frames and in bytes of one.
_MOST_FRAMES, _MOST_BYTES = 10_000, 1 << 16


class Shared:
    """The descriptors for one QEMU: `wire`, an end of a pair of datagram sockets, and `disk`, a sparse raw file."""

    def __init__(self, wire: int, disk: int) -> None:
        self.wire = wire
        self.disk = disk

    @property
    def descriptors(self) -> tuple[int, int]:
        """What QEMU has to inherit."""
        return self.wire, self.disk

    def drain(self) -> None:
        """Drop what the other host has sent so far, as on a wire whose end was not plugged in.

        A resumed host sends some frames before it has an identity of its own: the next one would take them for its own.
        """
        with socket.socket(fileno=os.dup(self.wire)) as end, suppress(OSError):
            for _ in range(_MOST_FRAMES):
                end.recv(_MOST_BYTES, socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Close them in this process; a second call does nothing."""
        for descriptor in (self.wire, self.disk):
            if descriptor >= 0:
                os.close(descriptor)
        self.wire = self.disk = -1


def shared_by_two(gib: int) -> tuple[Shared, Shared]:
    """Both ends of a wire, with one disk of `gib` GiB; raises LabError where this machine refuses."""
    with ExitStack() as undo:
        try:
            disk = undo.enter_context(TemporaryFile(dir=made(runs_folder())))
            disk.truncate(gib * GIB)
            # Mutually connected, so QEMU waits until the other has read, and no frame is lost to a full queue.
            ends = [undo.enter_context(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)]
            one, two = (Shared(os.dup(end.fileno()), os.dup(disk.fileno())) for end in ends)
        except OSError as error:
            raise LabError(f"cannot make the wire and the disk of lab hosts in {runs_folder()}: {error}") from error
    return one, two


def shared_by_none(gib: int) -> Shared:
    """A wire with nobody at its other end, where frames are dropped, and a disk of one's own; raises LabError."""
    mine, nobodys = shared_by_two(gib)
    nobodys.close()
    return mine
