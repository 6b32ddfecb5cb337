"""Ports of a host's loopback, reached from here through its ssh transport."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

_BYTES = 1 << 16
_POLL_S = 0.2
_END_LIMIT_S = 10.0
LOOPBACK = "127.0.0.1"


@contextmanager
def forwarded(transport: paramiko.Transport, port: int) -> Iterator[int]:
    """A port of our own loopback; whoever connects to it speaks to `port` of the host's.

    A connection that the host refuses is closed at once, without a byte.  Leaving the context ends all of them.
    """
    ended = threading.Event()
    threads: list[threading.Thread] = []
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(_POLL_S)

        def accept() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    ours, peer = listener.accept()
                    ours.settimeout(None)
                    threads.append(thread := threading.Thread(target=_carry, args=(transport, ours, peer, port, ended)))
                    thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            accepting.join(_END_LIMIT_S)
            for thread in threads:
                thread.join(_END_LIMIT_S)


def _carry(
    transport: paramiko.Transport, ours: socket.socket, peer: tuple[str, int], port: int, ended: threading.Event
) -> None:
    with ours:
        try:
            theirs = transport.open_channel("direct-tcpip", (LOOPBACK, port), peer, timeout=_END_LIMIT_S)
        except (paramiko.SSHException, EOFError):
            return
        with theirs, contextlib.suppress(OSError, EOFError):
            while not ended.is_set():
                ready, _, _ = select.select([ours.fileno(), theirs.fileno()], [], [], _POLL_S)
                for end, other in ((ours, theirs), (theirs, ours)):
                    if end.fileno() in ready:
                        if not (data := end.recv(_BYTES)):
                            return
                        other.sendall(data)
