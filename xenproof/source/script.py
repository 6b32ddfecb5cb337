"""One shell script that runs many probes, and the parsing of its output."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from xenproof.errors import SourceError
from xenproof.source.probe import CUT, CUT_EXIT_CODE, Probe, ProbeOutput
from xenproof.source.redact import redacted

# The script is sent through stdin: it may be longer than an argument, every login shell understands
# this line, and a probe cannot find the mark with `ps`.  `cat` is faster than bash, which would read its
# script byte by byte.
COMMAND = """exec sh -c 'eval "$(cat)"'"""

# The shell variable with a mark for the sections of a probe's own output: a space and 32 hexadecimal digits.
# It is new for each run like the mark of the frames, which no probe can read and which cannot be derived from it.
SECTION_MARK = "xenproof_mark"

# ` start session`: what a time limit ends.
_START = re.compile(rb" start (session|tree)\n")
# ` 3 0 0`: the probe's number, its exit code, and 1 if its limit ended it.
_FRAME = re.compile(rb" (0|[1-9]\d{0,8}) (0|[1-9]\d{0,2}) ([01])\n")
_END = re.compile(rb" end\n")
# The maximum length of a frame.
_FRAME_BYTES = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """The parsed output of the script.

    `noise` is what the login shell printed before the first frame.  `limits` states what a time limit ends:
    all that the probe left in the `session`, or the `tree` of its descendants.  `cut` are the probes
    that did not end, and `unended` is what the first of them had printed, on stderr if nothing on stdout.
    `irregular` states how the frames differ from those of the script, "" if they do not.
    """

    outputs: dict[str, ProbeOutput]
    noise: bytes
    limits: str
    cut: tuple[str, ...]
    unended: bytes = b""
    irregular: str = ""


class NotBegun(SourceError):
    """The script of the probes did not begin; `noise` is what was printed instead."""

    def __init__(self, message: str, noise: bytes) -> None:
        super().__init__(message)
        self.noise = noise


def build(probes: Sequence[Probe], mark: str) -> str:
    """The script that runs `probes` in order and frames their output with `mark`.

    `mark` has to be new and random.  Raises ValueError if two probes have the same name, if
    there are no probes, or if one contains a NUL byte, which no shell can run.
    """
    names = [probe.name for probe in probes]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected probes with different names, found {names}")
    if broken := [probe.name for probe in probes if "\0" in probe.script]:
        raise ValueError(f"the probes {broken} hold a NUL byte")
    runs = [f"p {probe.limit_s:d} {shlex.quote(probe.script)}" for probe in probes]
    # A function, so that an incomplete script runs nothing.
    section_mark = hashlib.sha256(mark.encode()).hexdigest()[:32]
    marks = [f"n={shlex.quote(mark)}", f"{SECTION_MARK}=' {section_mark}'"]
    lines = [*marks, _shell_part(), "main() {", "b", *runs, "e", "}", "main", ""]
    return "\n".join(lines)


def parse(stdout: bytes, stderr: bytes, mark: str, probes: Sequence[Probe]) -> Reading:
    """The outputs of `probes` from the output of their script.

    Each stream must contain the frame `start`, then one frame for each probe in order, then `end`, and
    no text like a frame after it; the frames of both streams must agree.  Output before the
    first missing or wrong frame is kept; that probe and those after it are cut.  A frame that is repeated
    makes its own probe doubtful, so that probe is cut, too, and after a second `start` all are.  Without `end` the last
    probe is cut.  Probes that were cut get CUT_EXIT_CODE: `ProbeOutput.cut`.

    Raises NotBegun if the script did not begin.
    """
    out, err = (_Frames(stream, mark.encode(), len(probes) + 2) for stream in (stdout, stderr))
    noise = b"\n".join(part.strip() for part in (out.noise, err.noise) if part.strip())
    start = out.here(_START)
    if start is None or err.here(_START) != start:
        printed = redacted(noise)[0][-500:].decode("utf-8", "replace")
        raise NotBegun(
            "the host did not run the script of the probes: expected its first frame on stdout and stderr; "
            f"look at the login shell of the user. It printed: {printed!r}",
            noise,
        )
    outputs: dict[str, ProbeOutput] = {}
    for number, probe in enumerate(probes):
        stdout, stderr = out.step(), err.step()
        frame = out.here(_FRAME)
        if frame is None or err.here(_FRAME) != frame or int(frame[0]) != number or int(frame[1]) > 255:
            break
        outputs[probe.name] = ProbeOutput(probe.name, stdout, stderr, int(frame[1]), frame[2] == b"1")
    good = len(outputs)
    unended = stdout or stderr
    if good == len(probes):
        out.step()
        err.step()
        if out.here(_END) is None or err.here(_END) is None or out.more or err.more:
            good, unended = good - 1, b""
    if (again := min(out.again, err.again)) < good:
        good, unended = again, b""
    cut = tuple(probe.name for probe in probes[good:])
    outputs |= {name: ProbeOutput(name, b"", CUT, CUT_EXIT_CODE) for name in cut}
    if not cut:
        return Reading(outputs, noise, start[0].decode(), ())
    return Reading(outputs, noise, start[0].decode(), cut, unended, _irregular(out, err, again))


class _Frames:
    """The frames of one stream in their order, at most `most`, and the text before each."""

    def __init__(self, data: bytes, mark: bytes, most: int) -> None:
        self.noise, *self._parts = data.split(mark, most)
        # After the last frame that the script writes there must be no other.
        self._behind = b""
        if len(self._parts) == most:
            self._parts[-1], found, behind = self._parts[-1].partition(mark)
            self._behind = found + behind
        self._mark = mark
        self._at = 0
        self._end = 0

    def here(self, kind: re.Pattern[bytes]) -> tuple[bytes, ...] | None:
        """The fields of the current frame, None if it is of another kind or missing."""
        if self._at >= len(self._parts) or not (frame := kind.match(self._parts[self._at])):
            return None
        self._end = frame.end()
        return frame.groups()

    def step(self) -> bytes:
        """Move to the next frame; returns the text between it and the frame before, which `here` must have matched."""
        printed = self._parts[self._at][self._end :]
        self._at += 1
        return printed

    @property
    def more(self) -> bool:
        """Whether there are frames after the current one."""
        return self._at + 1 < len(self._parts) or self._behind != b""

    @property
    def again(self) -> int:
        """The lowest number of the repeated frames; 0 for a `start`."""
        behind = self._mark.join([b"", *self._parts[self._at :]]) + self._behind
        found = re.finditer(re.escape(self._mark) + rb" (?:(start) |(0|[1-9]\d{0,8}) )", behind)
        # The frame of probe 0 is the second one.
        return min((int(frame[2] or 0) for frame in found if int(frame[2] or 0) < self._at - 1), default=self._at)

    @property
    def cut(self) -> bool:
        """Whether the output ends before the current frame is complete."""
        return self._at >= len(self._parts) or (not self.more and b"\n" not in self._parts[self._at][:_FRAME_BYTES])

    @property
    def at(self) -> int:
        """The number of frames before the current one."""
        return self._at

    @property
    def shown(self) -> str:
        """The current frame as a message shows it."""
        return repr(self._parts[self._at][:_FRAME_BYTES].partition(b"\n")[0].strip().decode("utf-8", "replace"))


def _irregular(out: _Frames, err: _Frames, again: int) -> str:
    if again < out.at - 1:
        return (
            f"the frame of its probe {again} came twice, so something on the host writes frames that is not the script"
        )
    if out.cut or err.cut:
        return ""
    found = f"{out.shown} on stdout and {err.shown} on stderr{', and more' if out.more or err.more else ''}"
    return f"expected the frame {out.at} of the script on both, found {found}"


def _shell_part() -> str:
    return resources.files("xenproof.source").joinpath("probes.sh").read_text("utf-8")
