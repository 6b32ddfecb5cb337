"""Reading an image in a process of its own, so that its peak of memory and its time can be measured.

Run as a program it reads one image and prints what the recording holds, or the error.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from xenproof.errors import XenproofError
from xenproof.image.source import read_image
from xenproof.profile.load import load_profile

_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the process printed, the most memory that it had, and how long it took; `error` is an XenproofError's."""

    text: str
    error: str
    peak_mib: int
    seconds: float


def read_apart(image: Path, profile: Path, limit_s: float = 20, most_s: float = 100) -> Outcome:
    """Read an image; the reading's own limit is `limit_s`, and after `most_s` the process is killed.

    Raises AssertionError if it ended in any other way than with a recording or an XenproofError.
    """
    command = [sys.executable, "-m", "selftest.images.read_apart", str(image), str(profile), str(limit_s)]
    began = time.monotonic()
    with (
        (image.parent / "printed").open("w+b") as printed,
        (image.parent / "said").open("w+b") as said,
    ):
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdout=printed, stderr=said)
        status, peak_kib = _waited(process.pid, began + most_s)
        process.returncode = status
        printed.seek(0)
        said.seek(0)
        text, error = (file.read().decode("utf-8", "replace") for file in (printed, said))
    assert status in (0, 6), f"ended with {status} after {time.monotonic() - began:.0f} s: {error[-2000:]}"
    return Outcome(text, error if status else "", peak_kib // 1024, time.monotonic() - began)


def _waited(pid: int, deadline: float) -> tuple[int, int]:
    """The exit status and the peak of memory in KiB; the process is killed at the deadline."""
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.02)  # between looks


def main() -> int:
    """Read the image that is named, as a program."""
    path, profile, limit_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    try:
        recording = read_image(f"image://{path}", path, load_profile(profile), limit_s=limit_s)
    except XenproofError as error:
        print(error, file=sys.stderr)
        return 6
    recording.to_json()  # is kept in a file, so it has to fit too
    for output in recording.outputs.values():
        sys.stdout.write(output.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
