"""Reading a host: all probes in one round trip, into a recording."""

import dataclasses
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from xenproof.errors import SourceError
from xenproof.source.connection import Connection
from xenproof.source.limits import TimedOut, TooLarge
from xenproof.source.probe import Probe, ProbeOutput, Recording
from xenproof.source.redact import redacted
from xenproof.source.script import COMMAND, CUT, CUT_EXIT_CODE, Reading, build, parse

# A dom0 with all that SLES has prints less than a tenth of it.
MAX_BYTES = 16 << 20
# For the login shell, the script's own processes and the killing of probes that hang.
MARGIN_S = 30
MARGIN_PER_PROBE_S = 3


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
    first, why = _read(connection, probes)
    outputs, cut, reading = dict(first.outputs), [why] if why else [], first
    while reading.cut:
        name, *names = reading.cut
        outputs[name] = _cut(name, f"{why}; it had printed: {reading.unended[:100].decode('utf-8', 'replace')}")
        left = [probe for probe in probes if probe.name in names]
        if not left:
            break
        try:
            reading, why = _read(connection, left)
        except SourceError as error:
            outputs |= {name: _cut(name, str(error)) for name in names}
            break
        outputs |= reading.outputs
        cut += [why] if why else []
    notes = {"seconds": f"{(datetime.now(UTC) - taken).total_seconds():.3f}", "limits": first.limits}
    if cut:
        notes["cut"] = "\n".join(cut)
        notes["cut probes"] = ", ".join(out.name for out in outputs.values() if out.stderr.startswith(CUT))
    if first.noise:
        notes["login noise"] = redacted(first.noise)[0][:500].decode("utf-8", "replace")
    clean, count = _without_secrets(outputs.values())
    if count:
        notes["redacted"] = str(count)
    return Recording(connection.url, taken.isoformat(timespec="seconds"), clean, {**notes, **about})


def _read(connection: Connection, probes: Sequence[Probe]) -> tuple[Reading, str]:
    """What one round trip gave, and why it was cut, "" if it was not; raises SourceError if nothing was read."""
    mark = secrets.token_hex(16)
    limit_s = MARGIN_S + sum(probe.limit_s + MARGIN_PER_PROBE_S for probe in probes)
    try:
        done = connection.run(COMMAND, stdin=build(probes, mark).encode(), limit_s=limit_s, max_bytes=MAX_BYTES)
    except (TimedOut, TooLarge) as error:
        return parse(error.stdout, error.stderr, mark, probes), str(error)
    reading = parse(done.stdout, done.stderr, mark, probes)
    return reading, f"its script ended there, with exit code {done.exit_code}" if reading.cut else ""


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
