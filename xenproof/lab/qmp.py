"""A client of QEMU's monitor: the qemu.qmp library, with xenproof's errors and deadlines."""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from qemu.qmp import QMPClient, QMPError

from xenproof.errors import LabError

# The errors of a monitor that refuses a command, breaks or has ended.
_BROKEN = (QMPError, OSError, EOFError, TimeoutError)
_Answer = TypeVar("_Answer")


class _Loop:
    """The library's event loop, in a thread of its own.

    An interrupt is raised in the main thread, so it only ends the waiting there.  Inside of the loop it would break the
    library's state, which then reports that with tracebacks.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qmp", daemon=True)
        self._thread.start()

    def wait(self, limit_s: float, begin: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What the awaitable of `begin` returns or raises; raises TimeoutError after `limit_s`."""

        async def answer() -> _Answer:
            return await asyncio.wait_for(begin(), limit_s)

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result()

    def close(self) -> None:
        """End the thread, and what is still pending in the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        if pending:
            self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.close()


class Qmp:
    """An open monitor of one QEMU."""

    def __init__(self, loop: _Loop, client: QMPClient, limit_s: float) -> None:
        """`limit_s` is for the answer to each command."""
        self._loop, self._client, self._limit_s = loop, client, limit_s

    def command(self, name: str, /, **arguments: object) -> dict[str, object]:
        """QEMU's answer to the QMP command `name`; raises LabError if QEMU refuses it or has ended.

        Arguments are spelled with underscores where QMP has dashes.
        """
        spelled = {key.replace("_", "-"): value for key, value in arguments.items()}
        try:
            answer = self._loop.wait(self._limit_s, lambda: self._client.execute(name, spelled))
        except _BROKEN as error:
            raise LabError(f"QEMU did not do {name!r}: {error or type(error).__name__}") from error
        return answer if isinstance(answer, dict) else {"return": answer}

    def send_fd(self, fd: int) -> None:
        """Pass the open file `fd` to QEMU; the next command, getfd, gives it a name."""

        async def send() -> None:
            self._client.send_fd_scm(fd)

        self._loop.wait(self._limit_s, send)

    def wait_for_status(self, command: str, while_in: set[str], limit_s: float) -> str:
        """Poll `command` until its status is not in `while_in`; returns that status."""
        deadline = time.monotonic() + limit_s
        while True:
            status = str(self.command(command).get("status"))
            if status not in while_in:
                return status
            if time.monotonic() > deadline:
                raise LabError(f"QEMU's {command!r} still says {status!r} after {limit_s:.0f} s")
            time.sleep(0.05)  # a poll with the deadline above


@contextmanager
def monitor(socket: Path, limit_s: float = 20.0) -> Iterator[Qmp]:
    """The monitor at `socket`, which QEMU opens early in its start; raises LabError after `limit_s`."""
    # Through a descriptor of the folder: a socket's path has at most 107 bytes, and the cache's path may be longer.
    folder = os.open(socket.parent, os.O_PATH | os.O_DIRECTORY)
    loop = _Loop()
    try:
        client = _connected(loop, f"/proc/self/fd/{folder}/{socket.name}", socket, limit_s)
        try:
            yield Qmp(loop, client, limit_s)
        finally:
            # After `quit`, QEMU has already closed its end.
            with suppress(*_BROKEN):
                loop.wait(limit_s, client.disconnect)
    finally:
        loop.close()
        os.close(folder)


def _connected(loop: _Loop, path: str, socket: Path, limit_s: float) -> QMPClient:
    deadline = time.monotonic() + limit_s
    while True:
        client = QMPClient()
        try:
            loop.wait(max(deadline - time.monotonic(), 1.0), lambda: client.connect(path))  # noqa: B023
            return client  # noqa: TRY300  # otherwise the loop ends by the deadline below
        except _BROKEN as error:
            with suppress(*_BROKEN):
                loop.wait(1.0, client.disconnect)
            if time.monotonic() > deadline:
                raise LabError(f"QEMU's monitor {socket} did not answer within {limit_s:.0f} s: {error}") from error
            time.sleep(0.05)  # a poll with the deadline above
