"""Ports on a host's loopback, reached from here through its ssh transport."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from xenproof.source.ssh_transport import given_up_after

_BYTES = 1 << 16
_POLL_S = 0.2
_END_LIMIT_S = 10.0
LOOPBACK = "127.0.0.1"


@contextmanager
def forwarded(transport: paramiko.Transport, port: int) -> Iterator[int]:
    """A port on our own loopback; connections to it reach `port` on the host's.

    A connection that the host refuses is closed at once, without a byte.  Leaving the context closes all connections.
    """
    ended = threading.Event()
    carried: list[_Carried] = []
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(_POLL_S)

        def accept() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    ours, peer = listener.accept()
                    ours.settimeout(None)
                    carried.append(_Carried(transport, ours, peer, port, ended))

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            accepting.join(_END_LIMIT_S)
            # A host that stops reading blocks every write.
            with given_up_after(transport, _END_LIMIT_S):
                for connection in carried:
                    connection.end()


class _Carried:
    """One connection to our port, served by its own thread."""

    def __init__(
        self,
        transport: paramiko.Transport,
        ours: socket.socket,
        peer: tuple[str, int],
        port: int,
        ended: threading.Event,
    ) -> None:
        self._transport, self._ours, self._peer, self._port, self._ended = transport, ours, peer, port, ended
        self._theirs: paramiko.Channel | None = None
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Close it, even if one of the two sides does not read, and wait until it is closed."""
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_RDWR)
        if self._theirs is not None:
            with contextlib.suppress(Exception):
                self._theirs.close()
        self._thread.join(_END_LIMIT_S)

    def _carry(self) -> None:
        # The transport raises here whatever ended its own thread.
        with self._ours as ours, contextlib.suppress(Exception):
            opened = self._transport.open_channel(
                "direct-tcpip", (LOOPBACK, self._port), self._peer, timeout=_END_LIMIT_S
            )
            self._theirs = opened
            with opened as theirs:
                while not self._ended.is_set():
                    ready, _, _ = select.select([ours.fileno(), theirs.fileno()], [], [], _POLL_S)
                    for end, other in ((ours, theirs), (theirs, ours)):
                        if end.fileno() in ready:
                            if not (data := end.recv(_BYTES)):
                                return
                            other.sendall(data)
