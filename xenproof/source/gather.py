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
from xenproof.source.script import COMMAND, build, parse

MAX_BYTES = 64 << 20
# For the login shell, the script's own processes and the killing of probes that hang.
MARGIN_S = 30
MARGIN_PER_PROBE_S = 3


def gather(connection: Connection, probes: Sequence[Probe], about: Mapping[str, str]) -> Recording:
    """The recording of a host: every probe run once, all in one round trip.

    Secrets are replaced before the recording holds them.  `about` is added to what is noted here:
    how long it took, how time limits were kept, what the login shell printed.  Where the host's
    output is cut, the probes that ended are kept and asking for the others raises.  Raises
    SourceError if nothing was read.
    """
    if not probes:
        raise SourceError(f"no probe was asked for, so nothing can be said of {connection.url}")
    taken = datetime.now(UTC)
    mark = secrets.token_hex(16)
    limit_s = MARGIN_S + sum(probe.limit_s + MARGIN_PER_PROBE_S for probe in probes)
    stdin = build(probes, mark).encode()
    notes: dict[str, str] = {}
    try:
        done = connection.run(COMMAND, stdin=stdin, limit_s=limit_s, max_bytes=MAX_BYTES)
        stdout, stderr = done.stdout, done.stderr
    except (TimedOut, TooLarge) as error:
        stdout, stderr = error.stdout, error.stderr
        notes["cut"] = str(error)
    reading = parse(stdout, stderr, mark, probes)
    notes["seconds"] = f"{(datetime.now(UTC) - taken).total_seconds():.3f}"
    notes["limits"] = reading.limits
    if reading.cut:
        notes["cut probes"] = ", ".join(reading.cut)
    if reading.noise:
        notes["login noise"] = redacted(reading.noise)[0][:500].decode("utf-8", "replace")
    outputs, count = _without_secrets(reading.outputs.values())
    if count:
        notes["redacted"] = str(count)
    return Recording(connection.url, taken.isoformat(timespec="seconds"), outputs, {**notes, **about})


def _without_secrets(outputs: Iterable[ProbeOutput]) -> tuple[dict[str, ProbeOutput], int]:
    clean: dict[str, ProbeOutput] = {}
    total = 0
    for output in outputs:
        stdout, in_stdout = redacted(output.stdout)
        stderr, in_stderr = redacted(output.stderr)
        clean[output.name] = dataclasses.replace(output, stdout=stdout, stderr=stderr)
        total += in_stdout + in_stderr
    return clean, total
