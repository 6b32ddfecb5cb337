"""The child process that reads a source that is not a running host: sets limits, runs the reader, sends one answer."""

import ctypes
import os
import pickle
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from xenproof.errors import NotEvaluable, ParseError, ProfileError, SourceError, UsageError, XenproofError
from xenproof.source.probe import Recording

RECORDING, FAILURE = "recording", "failure"
# Errors that the parent raises again with their type; any other error of the reader is a failure of the reading.
ERRORS: dict[str, type[XenproofError]] = {
    found.__name__: found for found in (XenproofError, SourceError, NotEvaluable, ParseError, UsageError, ProfileError)
}
# For a file that the reader writes below its own TMPDIR: a database that a library opens only by name.
_MOST_FILE_BYTES = 512 << 20
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4


def main(parent: str, memory_mib: str, cpu_s: str) -> None:
    """Read the task from standard input, which only the parent writes, and send the answer on standard output."""
    _die_with(int(parent))
    _limit(int(memory_mib) << 20, int(cpu_s))
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Text that a library prints is not part of the answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _answer(answer, *_read(sys.stdin.buffer))
    answer.close()
    sys.stderr.flush()
    # Exit without running exit handlers: the code that parsed the source may have registered some.
    os._exit(0)


def _read(task: BinaryIO) -> tuple[str, str]:
    """The kind of the answer, and its text."""
    try:
        read, arguments, named = pickle.load(task)  # noqa: S301  # the parent wrote it
        found: Recording = read(*arguments, **named)
        return RECORDING, found.to_json()
    except XenproofError as error:
        name = type(error).__name__
        return (name if name in ERRORS else SourceError.__name__), str(error)
    except MemoryError:
        return FAILURE, "it needs more memory"
    except RecursionError:
        return FAILURE, "it is nested too deeply"
    except Exception as error:  # noqa: BLE001  # the parent reports any error
        return FAILURE, f"{type(error).__name__}: {str(error)[:500]!r}"


def _answer(out: BinaryIO, kind: str, text: str) -> None:
    out.write(f"{kind}\n".encode())
    out.write(text.encode("utf-8", "backslashreplace"))


def _die_with(parent: int) -> None:
    """Make the kernel kill this process when the parent ends, however it ends; core dumps are off."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_DUMPABLE, 0)):
        if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # the parent had already ended
        os._exit(1)


def _limit(memory_bytes: int, cpu_s: int) -> None:
    # Memory that is mapped already is added to the limit; little of it may be resident, as of a large locale archive.
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    # RLIMIT_DATA does not count files and memory that is mapped as shared; both can fill the memory.
    _at_most(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)
    _at_most(resource.RLIMIT_CPU, cpu_s)
    _at_most(resource.RLIMIT_FSIZE, _MOST_FILE_BYTES)
    _at_most(resource.RLIMIT_CORE, 0)


def _at_most(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (value, value))
