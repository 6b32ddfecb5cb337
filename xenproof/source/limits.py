"""The limits of a command on a host, and the output until it exceeded one."""

from xenproof.errors import CommandTimedOut, OutputTooLarge
from xenproof.run.expired import note_expired
from xenproof.source.redact import redacted

READ_SIZE = 1 << 16


class TimedOut(CommandTimedOut):
    """A command did not end within its limit; `stdout` and `stderr` are what it printed until then.

    `short` is the event without the command and its output.
    """

    def __init__(self, message: str, stdout: bytes, stderr: bytes, short: str) -> None:
        super().__init__(message)
        note_expired(f"a command of the suite {short}")
        self.short = short
        self.stdout = stdout
        self.stderr = stderr


class TooLarge(OutputTooLarge):
    """A command printed more than is accepted; `stdout` and `stderr` are the accepted part, `short` as above."""

    def __init__(self, message: str, stdout: bytes, stderr: bytes, short: str) -> None:
        super().__init__(message)
        self.short = short
        self.stdout = stdout
        self.stderr = stderr


class Collected:
    """The output of one command, up to `max_bytes` on each of stdout and stderr."""

    def __init__(self, command: str, url: str, max_bytes: int) -> None:
        self._command, self._url = command, url
        self._max_bytes = max_bytes
        self._stdout = bytearray()
        self._stderr = bytearray()

    @property
    def stdout(self) -> bytes:
        """Standard output so far."""
        return bytes(self._stdout)

    @property
    def stderr(self) -> bytes:
        """Standard error so far."""
        return bytes(self._stderr)

    def add_stdout(self, data: bytes) -> None:
        """Append to standard output; raises TooLarge beyond the limit."""
        self._add(self._stdout, data, "stdout")

    def add_stderr(self, data: bytes) -> None:
        """Append to standard error; raises TooLarge beyond the limit."""
        self._add(self._stderr, data, "stderr")

    def timed_out(self, limit_s: float, note: str = "") -> TimedOut:
        """The error for a command that did not end; `note` is what happened to it afterwards."""
        # Redact before shortening: the end of a secret alone would not be recognized.
        printed = redacted(self.stderr or self.stdout)[0].decode("utf-8", "replace").strip()[-300:]
        short = f"did not end within {limit_s:.4g} s{note}"
        return TimedOut(f"{self._what} {short}; its last output: {printed!r}", self.stdout, self.stderr, short)

    @property
    def _what(self) -> str:
        return f"{_short(self._command)!r} on {self._url}"

    def _add(self, buffer: bytearray, data: bytes, name: str) -> None:
        room = self._max_bytes - len(buffer)
        buffer += data[:room]
        if len(data) > room:
            short = f"printed more than {_size(self._max_bytes)} on {name}, so it was ended"
            raise TooLarge(
                f"{self._what} {short}; no command of a check prints that much, look at what it runs on",
                self.stdout,
                self.stderr,
                short,
            )


def _short(command: str) -> str:
    command = redacted(command.encode("utf-8", "surrogateescape"))[0].decode("utf-8", "replace")
    return command if len(command) <= 200 else command[:200] + "..."


def _size(count: int) -> str:
    mebibytes, rest = divmod(count, 1 << 20)
    return f"{count} bytes" if rest else f"{mebibytes} MiB"
