"""Readers that do what hostile bytes could make a library do; they run in the child process of a confined reading."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from xenproof.errors import NotADom0, NotEvaluable, SourceError, UsageError, XenproofError
from xenproof.source.probe import ProbeOutput, Recording

HELD = {
    error.__name__: error for error in (XenproofError, SourceError, NotEvaluable, UsageError, NotADom0)
}  # fmt: skip


def good(url: str, /, *said: object, **named: object) -> Recording:
    """A recording of the arguments, of this process and of what it may do."""
    facts = {
        "said": repr((said, named)),
        "pid": str(os.getpid()),
        "open": " ".join(sorted(os.listdir("/proc/self/fd"), key=int)),  # noqa: PTH208  # names, not paths
        "limits": Path("/proc/self/limits").read_text("ascii"),
        "temporary": tempfile.gettempdir(),
    }
    outputs = {name: ProbeOutput(name, text.encode(), b"", 0) for name, text in facts.items()}
    sys.stdout.write("what a library prints")
    return Recording(url, "2026-01-01T00:00:00+00:00", outputs, {"source": "a test"})


def error(url: str, name: str, message: str) -> Recording:
    raise HELD[name](f"{url}: {message}")


def broken(url: str) -> Recording:
    raise ValueError(f"{url}\x1b]52;c;x\x07" + "x" * 100_000)


def too_deep(url: str) -> Recording:
    return too_deep(url)


def allocates(url: str, how: str) -> Recording:
    held: list[object] = []
    while True:
        if how == "bytes":
            held.append(bytearray(1 << 20))
        elif how == "objects":
            held.append([str(len(held))])
        else:
            held.append(b"x" * (1 << 40))


def loops(url: str) -> Recording:
    while True:
        pass


def reads(url: str, path: Path) -> Recording:
    with path.open("rb") as file:
        while True:
            file.seek(0)
            file.read(1)


def aborts(url: str) -> Recording:
    os.abort()


def reads_nothing(url: str) -> Recording:
    ctypes.string_at(0)
    raise AssertionError


def exits(url: str, code: int) -> Recording:
    sys.exit(code)


def kills(url: str) -> Recording:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def prints(url: str, stream: int) -> Recording:
    """Print without end; 1 is standard output, 2 is standard error."""
    while True:
        os.write(stream, b"x" * (1 << 20))


def says(url: str, text: str) -> Recording:
    """Print a few words, then end badly."""
    os.write(2, text.encode())
    os._exit(3)


def answers(url: str, data: bytes, times: int) -> Recording:
    """Write something else in place of the answer, whatever descriptor that is."""
    for number in range(3, 64):
        try:
            for _ in range(times):
                os.write(number, data)
        except OSError:
            continue
    os._exit(0)


def large(url: str, mib: int, probes: int = 1) -> Recording:
    data = bytes(mib << 20)
    outputs = {name: ProbeOutput(name, data, b"", 0) for name in map(str, range(probes))}
    return Recording(url, "2026-01-01T00:00:00+00:00", outputs)


def no_recording(url: str) -> Recording:
    return "nothing"  # type: ignore[return-value]  # what a mistake of ours could be


def leaves_files(url: str, code: int) -> Recording:
    folder = tempfile.mkdtemp()
    Path(folder, "file").write_bytes(b"x")
    os._exit(code)


def closes_and_loops(url: str) -> Recording:
    for number in range(64):
        try:
            os.close(number)
        except OSError:
            continue
    loops(url)
    raise AssertionError


def starts_another(url: str, path: Path) -> Recording:
    """Tell its process id, then wait for ever."""
    path.write_text(str(os.getpid()), "ascii")
    signal.pause()
    subprocess.run(["false"], check=True)
    raise AssertionError
