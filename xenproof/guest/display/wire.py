"""Reads and writes exact numbers of bytes on the connection to a SPICE or VNC server."""

import socket

from xenproof.errors import XenproofError


class Wire:
    """A connection from which a given number of bytes is read.

    Raises `error` on failure: its message begins with `broke` where the connection breaks, with `ended` where the
    server closes it.
    """

    def __init__(self, connected: socket.socket, error: type[XenproofError], *, broke: str, ended: str) -> None:
        self._socket, self._error, self._broke, self._ended = connected, error, broke, ended

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._error(f"{self._broke}: {error}") from error

    def read(self, size: int) -> bytes:
        """The next `size` bytes."""
        data = bytearray()
        while len(data) < size:
            try:
                part = self._socket.recv(min(size - len(data), 1 << 16))
            except OSError as error:
                raise self._error(f"{self._broke}: {error}") from error
            if not part:
                raise self._error(f"{self._ended} after {len(data)} of {size} bytes")
            data += part
        return bytes(data)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()
