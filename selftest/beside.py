"""`python -m selftest.beside COMMAND...`: run a command beside work that it must not slow down.

It gets the processors' time that nothing else wants.  To be nice is not enough for that: Linux may share out the time
between sessions first (autogroup), and heeds niceness only within one.  What the command prints is shown when it has
ended, so that it does not mix with that of the other work.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

LOWEST = 19
USAGE = 4
_HELD = {signal.SIGINT, signal.SIGTERM}


def main(command: Sequence[str]) -> int:
    """Run `command`; its exit status, or 128 and the number of the signal that ended it."""
    if not command:
        sys.stderr.write("usage: python -m selftest.beside COMMAND [ARGUMENT...]\n")
        return USAGE
    with tempfile.TemporaryFile() as output:
        # A signal that came before we know of the process would end us alone.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, preexec_fn=_yielding)
        signal.signal(signal.SIGTERM, lambda *_: os.killpg(process.pid, signal.SIGTERM))
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
            status = process.wait()
        except KeyboardInterrupt:
            # It has a session of its own, so the terminal's Ctrl-C reached only us.
            os.killpg(process.pid, signal.SIGINT)
            status = process.wait()
        output.seek(0)
        sys.stdout.write(output.read().decode("utf-8", "replace"))
        sys.stdout.flush()
    return 128 - status if status < 0 else status


def _yielding() -> None:
    """For the child before it executes, in its new session."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
    os.nice(LOWEST)
    with contextlib.suppress(OSError):  # a kernel that shares out by tasks alone
        Path("/proc/self/autogroup").write_text(str(LOWEST), "ascii")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
