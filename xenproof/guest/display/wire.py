"""The bytes between us and a server of a screen: as many as are asked for, or the error of the protocol."""

import socket

from xenproof.errors import XenproofError


class Wire:
    """A connection on which so many bytes are read as a message has.

    What goes wrong is an `error` that begins with `broke` where the connection does, or with `ended` where the server
    has no more to say.
    """

    def __init__(self, connected: socket.socket, error: type[XenproofError], *, broke: str, ended: str) -> None:
        self._socket, self._error, self._broke, self._ended = connected, error, broke, ended

    def write(self, data: bytes) -> None:
        """Send all of it."""
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
