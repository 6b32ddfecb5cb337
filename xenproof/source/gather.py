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
from xenproof.source.patience import PATIENCE, Patience
from xenproof.source.probe import Probe, ProbeOutput, Recording
from xenproof.source.redact import redacted
from xenproof.source.script import COMMAND, CUT, CUT_EXIT_CODE, NotBegun, Reading, build, parse

# A dom0 with all that SLES has prints less than a tenth of it.
MAX_BYTES = 16 << 20
# For the login shell, the script's own processes and the killing of probes that hang.
MARGIN_S = 30
MARGIN_PER_PROBE_S = 3
# All that is kept of what a host printed, over all round trips.
MAX_KEPT_BYTES = 2 * MAX_BYTES
PAUSE_S = 0.1


def gather(
    connection: Connection, probes: Sequence[Probe], about: Mapping[str, str], patience: Patience = PATIENCE
) -> Recording:
    """The recording of a host: every probe run once, all in one round trip.

    Secrets are replaced before the recording holds them.  `about` is added to what is noted here:
    how long it took, how time limits were kept, what the login shell printed.  Where a probe cuts the
    host's output, asking for it raises, and those behind it run in another round trip; after one that ran into its
    limit and in which no probe ended there is none, and all of them have `patience.reading_s`.  Raises
    SourceError if nothing was read.
    """
    if not probes:
        raise SourceError(f"no probe was asked for, so nothing can be said of {connection.url}")
    taken = datetime.now(UTC)
    lanes = _Gathering(connection, patience, time.monotonic() + patience.reading_s).lanes(probes)
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


@dataclass(frozen=True, slots=True)
class _Round:
    """What one round trip gave, why it was cut, "" if it was not, and whether it ran into its limit."""

    reading: Reading
    why: str = ""
    timed_out: bool = False


@dataclass(slots=True)
class _Gathering:
    """The reading of one host, which has to be done by `deadline`; `kept_bytes` is what it gave until now."""

    connection: Connection
    patience: Patience
    deadline: float
    kept_bytes: int = 0

    def lanes(self, probes: Sequence[Probe]) -> list[_Lane]:
        """All probes in one lane, or in two at a time where some may run beside the others and the host lets them."""
        connection = self.connection
        beside = [probe for probe in probes if probe.beside]
        rest = [probe for probe in probes if not probe.beside]
        if not beside or not rest or not isinstance(connection, SideBySide):
            return [self._whole(probes, self._read(probes))]
        # Both have the time of both: the output of the one is taken when the other has ended.
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
        """The lane that began with the round `found`: the probes behind one that cut it run in another one."""
        first = found.reading
        outputs, cut = dict(first.outputs), [found.why] if found.why else []
        while found.reading.cut:
            name, *names = found.reading.cut
            said = redacted(found.reading.unended)[0][:100].decode("utf-8", "replace")
            outputs[name] = _cut(name, f"{found.why}; it had printed: {said}")
            left = [probe for probe in probes if probe.name in names]
            if not left:
                break
            # Where not one more probe ended in all that time, the host has had its chance.
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
        """What one round trip gave; raises SourceError if nothing was read."""
        mark, stdin = _script(probes)
        limit_s = limit_s or self._limit_s(probes)
        most = max(1, min(MAX_BYTES, MAX_KEPT_BYTES - self.kept_bytes))
        return self._parsed(
            lambda: self.connection.run(COMMAND, stdin=stdin, limit_s=limit_s, max_bytes=most), mark, probes
        )

    def _read_after(self, probes: Sequence[Probe]) -> _Round:
        """What `_read` gives, as soon as the host has done with the session before."""
        deadline = time.monotonic() + self.patience.next_session_s
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
                # Who printed nothing has no login shell that could be looked at.
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
        """The time of one round trip: that of the probes, of a round, and what is left of all, whichever is least."""
        wanted = MARGIN_S + sum(probe.limit_s + MARGIN_PER_PROBE_S for probe in probes)
        return max(1.0, min(wanted, self.patience.round_s, self.deadline - time.monotonic()))


def _script(probes: Sequence[Probe]) -> tuple[str, bytes]:
    """A new mark, and the script that runs the probes and frames what they print by it."""
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
