"""Commands on this machine, with the limits and errors of every other connection."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from xenproof.errors import SourceError
from xenproof.source.connection import Completed
from xenproof.source.limits import READ_SIZE, Collected


class LocalConnection:
    """This machine as a host; each command is its own session, so that ending it ends its children."""

    def __init__(self, url: str = "local://") -> None:
        self._url = url

    @property
    def url(self) -> str:
        """The host's URL as the user wrote it."""
        return self._url

    def run(self, command: str, *, limit_s: float = 30.0, stdin: bytes = b"", max_bytes: int = 16 << 20) -> Completed:
        """Run a shell command to its end; raises what Connection.run raises."""
        started = time.monotonic()
        output = Collected(command, self._url, max_bytes)
        with _started(command) as process:
            if not _pump(process, stdin, output, started + limit_s):
                raise output.timed_out(limit_s, " and was killed with its children")
            code = process.wait()
        # A shell reports 128 + N for a command that signal N ended; report the same for the shell itself.
        code = code if code >= 0 else 128 - code
        return Completed(command, code, output.stdout, output.stderr, time.monotonic() - started)

    @contextmanager
    def follow(self, command: str, *, keep_stdin: bool = False) -> Iterator["LocalStream"]:
        """Start a shell command and read its output while it runs; see Connection.follow for how it ends."""
        if keep_stdin:
            process = _start(command, subprocess.DEVNULL)
            try:
                yield LocalStream(process)
            finally:
                _let_end(process)
            return
        with _started(command, stderr=subprocess.DEVNULL) as process:
            stream = LocalStream(process)
            stream.end_stdin()
            yield stream

    def forward(self, port: int) -> AbstractContextManager[int]:
        """The port itself: the host's loopback is ours."""
        return nullcontext(port)

    def close(self) -> None:
        """Do nothing: nothing stays open between commands."""


class LocalStream:
    """The output of a local command that is still running."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  # pipes: see _started
        self._stdin = process.stdin
        self._fd = process.stdout.fileno()

    def read(self, limit_s: float) -> bytes | None:
        """The next bytes of standard output, b"" if there were none within `limit_s`, None at its end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._fd, selectors.EVENT_READ)
            if not selector.select(limit_s):
                return b""
        return os.read(self._fd, READ_SIZE) or None

    def end_stdin(self) -> None:
        """Close the command's standard input; the command continues."""
        self._stdin.close()


def _start(command: str, stderr: int) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=pipe, stdout=pipe, stderr=stderr, start_new_session=True, bufsize=0
        )
    except OSError as error:
        raise SourceError(f"cannot start a shell on this machine: {error.strerror}") from error


def _let_end(process: "subprocess.Popen[bytes]") -> None:
    """Close a command's input, and wait for its end only in the background: it ends when its work is done."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if not sys.is_finalizing():  # then to start a thread would wait for ever
        threading.Thread(target=process.wait, daemon=True).start()


@contextmanager
def _started(command: str, stderr: int = subprocess.PIPE) -> Iterator["subprocess.Popen[bytes]"]:
    process = _start(command, stderr)
    with process:  # closes the pipes and reaps, whatever happens
        ended = False
        try:
            yield process
            ended = process.poll() is not None
        finally:
            # Do not kill background processes that a command left on purpose before it ended by itself.
            if not ended:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _pump(process: "subprocess.Popen[bytes]", stdin: bytes, output: Collected, deadline: float) -> bool:
    """Copy bytes until both outputs end; returns False if `deadline` came first."""
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
    out, err, source = process.stdout.fileno(), process.stderr.fileno(), process.stdin.fileno()
    sinks = {out: output.add_stdout, err: output.add_stderr}
    pending = memoryview(stdin)
    for fd in (out, err, source):
        os.set_blocking(fd, False)
    with selectors.DefaultSelector() as selector:
        for fd in sinks:
            selector.register(fd, selectors.EVENT_READ)
        if pending:
            selector.register(source, selectors.EVENT_WRITE)
        else:
            process.stdin.close()
        open_sinks = len(sinks)
        while open_sinks:
            if (left := deadline - time.monotonic()) <= 0:
                return False
            ready = selector.select(left)
            for key, _ in ready:
                if key.fd in sinks:
                    try:
                        data = os.read(key.fd, READ_SIZE)
                    except BlockingIOError:  # it was already read together with the other pipe
                        continue
                    # Output that was written to the other pipe before is kept, even if this one exceeds the limit.
                    other, rest = out if key.fd == err else err, b""
                    with contextlib.suppress(BlockingIOError):
                        rest = os.read(other, READ_SIZE)
                    for fd, part in sorted([(key.fd, data), (other, rest)], key=lambda row: len(row[1])):
                        sinks[fd](part)
                    if not data:
                        selector.unregister(key.fd)
                        open_sinks -= 1
                    continue
                try:
                    pending = pending[os.write(source, pending[:READ_SIZE]) :]
                except BrokenPipeError:  # the command does not read the rest
                    pending = pending[:0]
                if not pending:
                    selector.unregister(source)
                    process.stdin.close()
    return _ended(process, deadline)


def _ended(process: "subprocess.Popen[bytes]", deadline: float) -> bool:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True
