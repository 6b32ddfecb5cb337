"""One shell script that runs many probes, and the reading of what it printed."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

from xenproof.errors import SourceError
from xenproof.source.probe import Probe, ProbeOutput

# The script comes through stdin: it may be longer than an argument, any login shell understands
# this line, and `ps` shows no probe the mark.  `cat` is faster than bash, which would read its
# script byte by byte.
COMMAND = """exec sh -c 'eval "$(cat)"'"""

# The shell's variable in which a probe finds a mark for the parts of its own output: a space and 32 hexadecimal digits.
# It is as fresh as the mark of the frames, which no probe knows, and does not tell that one.
SECTION_MARK = "xenproof_mark"

CUT_EXIT_CODE = 255
CUT = b"xenproof: the output of the host was cut before this probe ended"

# ` 3 0 0`: the probe's number, its exit code, and 1 if its limit ended it.
_FRAME = re.compile(rb" (\d+) (\d+) ([01])\n")
# ` start session`: what a time limit ends.
_START = re.compile(rb" start ([a-z]+)\n")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run of the script printed.

    `noise` came before the first frame, from the login shell.  `limits` says what a time limit ends:
    all that the probe left in the `session`, or the `tree` of its descendants.  `cut` are the probes
    that did not end, and `unended` is what the first of them had printed, on stderr if nothing on stdout.
    """

    outputs: dict[str, ProbeOutput]
    noise: bytes
    limits: str
    cut: tuple[str, ...]
    unended: bytes = b""


def build(probes: Sequence[Probe], mark: str) -> str:
    """The script that runs `probes` in order and frames their output by `mark`.

    `mark` has to be fresh and random.  Raises ValueError if two probes have the same name, if
    there is none, or if one holds a NUL byte, which no shell can run.
    """
    names = [probe.name for probe in probes]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected probes with different names, found {names}")
    if broken := [probe.name for probe in probes if "\0" in probe.script]:
        raise ValueError(f"the probes {broken} hold a NUL byte")
    runs = [f"p {probe.limit_s:d} {shlex.quote(probe.script)}" for probe in probes]
    # A function, so that a script that arrived in part runs nothing.
    section_mark = hashlib.sha256(mark.encode()).hexdigest()[:32]
    marks = [f"n={shlex.quote(mark)}", f"{SECTION_MARK}=' {section_mark}'"]
    lines = [*marks, _shell_part(), "main() {", "b", *runs, "e", "}", "main", ""]
    return "\n".join(lines)


def parse(stdout: bytes, stderr: bytes, mark: str, probes: Sequence[Probe]) -> Reading:
    """The outputs of `probes` from what their script printed.

    Probes whose output was cut get CUT_EXIT_CODE, which no probe allows.  Raises SourceError if
    the script did not begin.
    """
    out_noise, *out_parts = stdout.split(mark.encode())
    err_noise, *err_parts = stderr.split(mark.encode())
    noise = b"\n".join(part.strip() for part in (out_noise, err_noise) if part.strip())
    if not out_parts or not err_parts or not (start := _START.match(out_parts[0])):
        said = noise[-500:].decode("utf-8", "replace")
        raise SourceError(
            "the host did not run the script of the probes: expected its first frame on stdout and stderr; "
            f"look at the login shell of the user. It printed: {said!r}"
        )
    outputs: dict[str, ProbeOutput] = {}
    first = start.end()
    out_chunks, out_rest = _chunks(out_parts, first)
    err_chunks, err_rest = _chunks(err_parts, first)
    for number, probe in enumerate(probes):
        out, err = out_chunks.get(number), err_chunks.get(number)
        if out is None or err is None:
            break
        outputs[probe.name] = ProbeOutput(probe.name, out.printed, err.printed, out.exit_code, out.timed_out)
    cut = tuple(probe.name for probe in probes if probe.name not in outputs)
    outputs |= {name: ProbeOutput(name, b"", CUT, CUT_EXIT_CODE) for name in cut}
    return Reading(outputs, noise, start[1].decode(), cut, (out_rest or err_rest) if cut else b"")


@dataclass(frozen=True, slots=True)
class _Chunk:
    printed: bytes
    exit_code: int
    timed_out: bool


def _chunks(parts: list[bytes], begin: int) -> tuple[dict[int, _Chunk], bytes]:
    """What each probe printed on one stream: the bytes between the frame before its own and its own; and the rest."""
    chunks: dict[int, _Chunk] = {}
    for before, after in pairwise(parts):
        if not (frame := _FRAME.match(after)):
            return chunks, before[begin:]
        chunks[int(frame[1])] = _Chunk(before[begin:], int(frame[2]), frame[3] == b"1")
        begin = frame.end()
    return chunks, parts[-1][begin:]


def _shell_part() -> str:
    return resources.files("xenproof.source").joinpath("probes.sh").read_text("utf-8")
