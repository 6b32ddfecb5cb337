"""Reads a host: all probes in one round trip, into a recording."""

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from xenproof.errors import SourceError
from xenproof.source.connection import Completed, Connection, NotStarted, SideBySide
from xenproof.source.limits import TimedOut, TooLarge
from xenproof.source.probe import CUT, CUT_EXIT_CODE, Probe, ProbeOutput, Recording
from xenproof.source.redact import redacted
from xenproof.source.script import COMMAND, NotBegun, Reading, build, parse
from xenproof.source.time_limits import TIME_LIMITS, TimeLimits

# A dom0 with every package of SLES prints less than a tenth of it.
MAX_BYTES = 16 << 20
# For the login shell, the script's own processes and the killing of hanging probes.
MARGIN_S = 30
MARGIN_PER_PROBE_S = 3
# The limit of what is kept of a host's output, over all round trips.
MAX_KEPT_BYTES = 2 * MAX_BYTES
PAUSE_S = 0.1


def gather(
    connection: Connection, probes: Sequence[Probe], about: Mapping[str, str], limits: TimeLimits = TIME_LIMITS
) -> Recording:
    """The recording of a host: every probe runs once, all in one round trip.

    Secrets are replaced before they enter the recording.  `about` is added to the notes made here: the duration, how
    time limits were enforced, what the login shell printed.  If a probe cuts the host's output short, reading its
    output raises, and the probes after it run in another round trip.  No further round trip begins after one that
    reached its time limit before any probe ended.  All of them together have `limits.reading_s`.  Raises
    SourceError if nothing was read.
    """
    if not probes:
        raise SourceError(f"no probe was asked for, so nothing is known of {connection.url}")
    taken = datetime.now(UTC)
    lanes = _Gathering(connection, limits, time.monotonic() + limits.reading_s).lanes(probes)
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
    """The outputs of probes that ran one after the other; `cut` has a reason each time that the output ended early."""

    outputs: Mapping[str, ProbeOutput]
    cut: Sequence[str]
    limits: str
    noise: bytes


@dataclass(frozen=True, slots=True)
class _Round:
    """The result of one round trip, the reason if it was cut short, else "", and whether it reached its time limit."""

    reading: Reading
    why: str = ""
    timed_out: bool = False


@dataclass(slots=True)
class _Gathering:
    """The reading of one host, which must end by `deadline`; `kept_bytes` is the size of its output so far."""

    connection: Connection
    limits: TimeLimits
    deadline: float
    kept_bytes: int = 0

    def lanes(self, probes: Sequence[Probe]) -> list[_Lane]:
        """All probes in one lane, or in two parallel lanes if some may run `beside` others and the host allows it."""
        connection = self.connection
        beside = [probe for probe in probes if probe.beside]
        rest = [probe for probe in probes if not probe.beside]
        if not beside or not rest or not isinstance(connection, SideBySide):
            return [self._whole(probes, self._read(probes))]
        # Both have the time limit of all probes: the output of one is read after the other has ended.
        limit_s = self._limit_s(probes)
        mark, stdin = _script(beside)
        first: _Lane | None
        with connection.beside(COMMAND, stdin=stdin, limit_s=limit_s, max_bytes=MAX_BYTES) as other:
            try:
                first = self._whole(rest, self._read(rest, limit_s))
            except NotStarted:  # a host may allow one session at a time
                first = None
            second = self._parsed(other, mark, beside)
        return [first or self._whole(rest, self._read_after(rest)), self._whole(beside, second)]

    def _whole(self, probes: Sequence[Probe], found: _Round) -> _Lane:
        """The lane that began with the round `found`: the probes after one that cut the output run in another round."""
        first = found.reading
        outputs, cut = dict(first.outputs), [found.why] if found.why else []
        while found.reading.cut:
            name, *names = found.reading.cut
            printed = redacted(found.reading.unended)[0][:100].decode("utf-8", "replace")
            outputs[name] = _cut(name, f"{found.why}; it had printed: {printed}")
            left = [probe for probe in probes if probe.name in names]
            if not left:
                break
            # If no further probe ended in all that time, the host gets no further round.
            silent = found.timed_out and len(found.reading.cut) == len(found.reading.outputs)
            if silent or time.monotonic() > self.deadline or self.kept_bytes >= MAX_KEPT_BYTES:
                outputs |= {name: _cut(name, f"it was not asked for any more: {found.why}") for name in names}
                break
            try:
                found = self._read(left)
            except SourceError as error:
                outputs |= {name: _cut(name, str(error)) for name in names}
                break
            outputs |= found.reading.outputs
            cut += [found.why] if found.why else []
        return _Lane(outputs, cut, first.limits, first.noise)

    def _read(self, probes: Sequence[Probe], limit_s: float = 0) -> _Round:
        """The result of one round trip; raises SourceError if nothing was read."""
        mark, stdin = _script(probes)
        limit_s = limit_s or self._limit_s(probes)
        most = max(1, min(MAX_BYTES, MAX_KEPT_BYTES - self.kept_bytes))
        return self._parsed(
            lambda: self.connection.run(COMMAND, stdin=stdin, limit_s=limit_s, max_bytes=most), mark, probes
        )

    def _read_after(self, probes: Sequence[Probe]) -> _Round:
        """The result of `_read`, tried again until the host has ended the session before."""
        deadline = time.monotonic() + self.limits.next_session_s
        while True:
            try:
                return self._read(probes)
            except NotStarted:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE_S)

    def _parsed(self, result: Callable[[], Completed], mark: str, probes: Sequence[Probe]) -> _Round:
        why, timed_out = "", False
        try:
            done = result()
            stdout, stderr, ended_by = done.stdout, done.stderr, f"with exit code {done.exit_code}"
        except (TimedOut, TooLarge) as error:
            stdout, stderr, timed_out = error.stdout, error.stderr, isinstance(error, TimedOut)
            why = f"reading {self.connection.url} {error.short}"
        try:
            reading = parse(stdout, stderr, mark, probes)
        except NotBegun as error:
            if why and not error.noise:
                # A host that printed nothing has no output of a login shell to quote.
                raise SourceError(f"{why}: got 0 of {len(probes)} probes, waited for the first frame") from error
            raise SourceError(f"{error}; {why or f'its command ended {ended_by}'}") from error
        self.kept_bytes += sum(len(output.stdout) + len(output.stderr) for output in reading.outputs.values())
        if not reading.cut:
            return _Round(reading)
        why = why or f"its script ended there, {ended_by}"
        ended = len(reading.outputs) - len(reading.cut)
        why += f": got {ended} of {len(probes)} probes, waited for probe {reading.cut[0]!r}"
        return _Round(reading, f"{reading.irregular}; {why}" if reading.irregular else why, timed_out)

    def _limit_s(self, probes: Sequence[Probe]) -> float:
        """The limit of one round trip: the least of the probes' limits, a round's limit, and the time left for all."""
        wanted = MARGIN_S + sum(probe.limit_s + MARGIN_PER_PROBE_S for probe in probes)
        return max(1.0, min(wanted, self.limits.round_s, self.deadline - time.monotonic()))


def _script(probes: Sequence[Probe]) -> tuple[str, bytes]:
    """A new mark, and the script that runs the probes and frames their output with it."""
    mark = secrets.token_hex(16)
    return mark, build(probes, mark).encode()


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
