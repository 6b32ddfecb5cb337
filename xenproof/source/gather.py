"""Reading a host: all probes in one round trip, into a recording."""

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from xenproof.errors import SourceError
from xenproof.source.connection import Completed, Connection, NotStarted, SideBySide
from xenproof.source.limits import TimedOut, TooLarge
from xenproof.source.probe import Probe, ProbeOutput, Recording
from xenproof.source.redact import redacted
from xenproof.source.script import COMMAND, CUT, CUT_EXIT_CODE, Reading, build, parse

# A dom0 with all that SLES has prints less than a tenth of it.
MAX_BYTES = 16 << 20
# For the login shell, the script's own processes and the killing of probes that hang.
MARGIN_S = 30
MARGIN_PER_PROBE_S = 3
# A host that allows one session at a time ends the one before in its own time.
NEXT_SESSION_S = 10.0
PAUSE_S = 0.1


def gather(connection: Connection, probes: Sequence[Probe], about: Mapping[str, str]) -> Recording:
    """The recording of a host: every probe run once, all in one round trip.

    Secrets are replaced before the recording holds them.  `about` is added to what is noted here:
    how long it took, how time limits were kept, what the login shell printed.  Where a probe cuts the
    host's output, asking for it raises, and those behind it run in another round trip.  Raises
    SourceError if nothing was read.
    """
    if not probes:
        raise SourceError(f"no probe was asked for, so nothing can be said of {connection.url}")
    taken = datetime.now(UTC)
    lanes = _lanes(connection, probes)
    outputs = {name: output for lane in lanes for name, output in lane.outputs.items()}
    notes = {"seconds": f"{(datetime.now(UTC) - taken).total_seconds():.3f}", "limits": lanes[0].limits}
    if cut := [why for lane in lanes for why in lane.cut]:
        notes["cut"] = "\n".join(cut)
        notes["cut probes"] = ", ".join(out.name for out in outputs.values() if out.stderr.startswith(CUT))
    if noise := next((lane.noise for lane in lanes if lane.noise), b""):
        notes["login noise"] = redacted(noise)[0][:500].decode("utf-8", "replace")
    clean, count = _without_secrets(outputs[probe.name] for probe in probes)
    if count:
        notes["redacted"] = str(count)
    return Recording(connection.url, taken.isoformat(timespec="seconds"), clean, {**notes, **about})


@dataclass(frozen=True, slots=True)
class _Lane:
    """What probes printed that ran one after the other; `cut` says why the output ended early, each time."""

    outputs: Mapping[str, ProbeOutput]
    cut: Sequence[str]
    limits: str
    noise: bytes


def _lanes(connection: Connection, probes: Sequence[Probe]) -> list[_Lane]:
    """All probes in one lane, or in two at a time where some may run beside the others and the host lets them."""
    beside = [probe for probe in probes if probe.beside]
    rest = [probe for probe in probes if not probe.beside]
    if not beside or not rest or not isinstance(connection, SideBySide):
        return [_whole(connection, probes, _read(connection.run, probes))]
    # Both have the time of both: the output of the one is taken when the other has ended.
    limit_s = _limit_s(probes)
    mark, stdin = _script(beside)
    first: _Lane | None
    with connection.beside(COMMAND, stdin=stdin, limit_s=limit_s, max_bytes=MAX_BYTES) as other:
        try:
            first = _whole(connection, rest, _read(connection.run, rest, limit_s))
        except NotStarted:  # a host may allow one session at a time
            first = None
        second = _parsed(other, mark, beside)
    return [first or _whole(connection, rest, _read_after(connection, rest)), _whole(connection, beside, second)]


def _whole(connection: Connection, probes: Sequence[Probe], first: tuple[Reading, str]) -> _Lane:
    """The lane that began with the reading `first`: the probes behind one that cut it run in another one."""
    reading, why = first
    outputs, cut = dict(reading.outputs), [why] if why else []
    while reading.cut:
        name, *names = reading.cut
        outputs[name] = _cut(name, f"{why}; it had printed: {reading.unended[:100].decode('utf-8', 'replace')}")
        left = [probe for probe in probes if probe.name in names]
        if not left:
            break
        try:
            reading, why = _read(connection.run, left)
        except SourceError as error:
            outputs |= {name: _cut(name, str(error)) for name in names}
            break
        outputs |= reading.outputs
        cut += [why] if why else []
    return _Lane(outputs, cut, first[0].limits, first[0].noise)


def _read(run: Callable[..., Completed], probes: Sequence[Probe], limit_s: int = 0) -> tuple[Reading, str]:
    """What one round trip gave, and why it was cut, "" if it was not; raises SourceError if nothing was read."""
    mark, stdin = _script(probes)
    limit_s = limit_s or _limit_s(probes)
    return _parsed(lambda: run(COMMAND, stdin=stdin, limit_s=limit_s, max_bytes=MAX_BYTES), mark, probes)


def _read_after(connection: Connection, probes: Sequence[Probe]) -> tuple[Reading, str]:
    """What `_read` gives, as soon as the host has done with the session before."""
    deadline = time.monotonic() + NEXT_SESSION_S
    while True:
        try:
            return _read(connection.run, probes)
        except NotStarted:
            if time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_S)


def _parsed(result: Callable[[], Completed], mark: str, probes: Sequence[Probe]) -> tuple[Reading, str]:
    try:
        done = result()
    except (TimedOut, TooLarge) as error:
        return parse(error.stdout, error.stderr, mark, probes), str(error)
    reading = parse(done.stdout, done.stderr, mark, probes)
    return reading, f"its script ended there, with exit code {done.exit_code}" if reading.cut else ""


def _script(probes: Sequence[Probe]) -> tuple[str, bytes]:
    """A new mark, and the script that runs the probes and frames what they print by it."""
    mark = secrets.token_hex(16)
    return mark, build(probes, mark).encode()


def _limit_s(probes: Sequence[Probe]) -> int:
    return MARGIN_S + sum(probe.limit_s + MARGIN_PER_PROBE_S for probe in probes)


def _cut(name: str, why: str) -> ProbeOutput:
    return ProbeOutput(name, b"", b"%s: %s" % (CUT, why.encode("utf-8", "replace")), CUT_EXIT_CODE)


def _without_secrets(outputs: Iterable[ProbeOutput]) -> tuple[dict[str, ProbeOutput], int]:
    clean: dict[str, ProbeOutput] = {}
    total = 0
    for output in outputs:
        stdout, in_stdout = redacted(output.stdout)
        stderr, in_stderr = redacted(output.stderr)
        clean[output.name] = dataclasses.replace(output, stdout=stdout, stderr=stderr)
        total += in_stdout + in_stderr
    return clean, total
