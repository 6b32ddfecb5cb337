"""Reading an image in a process of its own, so that its peak of memory and its time can be measured.

Run as a program it reads one image and prints what the recording holds, or the error.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from selftest.peak import own_peak_mib
from xenproof.errors import XenproofError
from xenproof.image.source import read_image
from xenproof.profile.load import load_profile

_PEAK = "peak in MiB: "
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the process printed, the most memory that it had, and how long it took; `error` is an XenproofError's."""

    text: str
    error: str
    peak_mib: int
    seconds: float


def read_apart(image: Path, profile: Path, limit_s: float = 20, most_s: float = 100) -> Reading:
    """Read an image; the reading's own limit is `limit_s`, and after `most_s` the process is killed.

    Raises AssertionError if it ended in any other way than with a recording or an XenproofError.
    """
    command = [sys.executable, "-m", "selftest.images.read_apart", str(image), str(profile), str(limit_s)]
    began = time.monotonic()
    done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, check=False, timeout=most_s)
    text, said = (part.decode("utf-8", "replace") for part in (done.stdout, done.stderr))
    seconds = time.monotonic() - began
    assert done.returncode in (0, 6), f"ended with {done.returncode} after {seconds:.0f} s: {said[-2000:]}"
    error, _, peak_mib = said.rpartition(_PEAK)
    return Reading(text, error, int(peak_mib), seconds)


def main() -> int:
    """Read the image that is named, as a program."""
    path, profile, limit_s = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    status, texts = 0, list[bytes]()
    try:
        recording = read_image(f"image://{path}", path, load_profile(profile), limit_s=limit_s)
        recording.to_json()  # is kept in a file, so it has to fit too
        texts = [output.stdout for output in recording.outputs.values()]
    except XenproofError as error:
        sys.stderr.write(f"{error}\n")
        status = 6
    sys.stderr.write(f"{_PEAK}{own_peak_mib()}")
    sys.stdout.buffer.write(b"".join(texts))
    return status


if __name__ == "__main__":
    sys.exit(main())
