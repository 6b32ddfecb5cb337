"""`xl create --dryrun` of many configurations in one round trip: what a host's xl makes of each."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xenproof.errors import ParseError
from xenproof.source.connection import Connection, quoted
from xenproof.source.gather import gather
from xenproof.source.probe import Probe, ProbeOutput

LIMIT_S = 60
_NAME = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What xl said of one configuration: `config` as JSON, or None where it refused it; `said` is its stderr."""

    config: Mapping[str, Any] | None
    said: str
    exit_code: int


def dry_run(dom0: Connection, folder: str, configs: Mapping[str, str]) -> dict[str, DryRun]:
    """The dry runs of `configs`, by name, through files below `folder` on the host that are gone afterwards.

    Raises SourceError or ParseError where an answer is missing, did not come in time or is no JSON.
    """
    if wrong := [name for name in configs if not _NAME.fullmatch(name)]:
        raise ValueError(f"expected names of small letters, digits and _, found {wrong}")
    place = dom0.run(quoted("mktemp", "-d", "-p", folder, "dry-XXXXXX")).check().text.strip()
    # Two lanes: see gather.
    probes = [
        _probe(name, text, f"{place}/{name}.cfg", beside=bool(number % 2))
        for number, (name, text) in enumerate(configs.items())
    ]
    try:
        recording = gather(dom0, probes, {})
    finally:
        dom0.run(quoted("rm", "-rf", "--", place))
    return {probe.name: parse_dry_run(recording.output(probe)) for probe in probes}


def _probe(name: str, text: str, path: str, *, beside: bool) -> Probe:
    # One process each, xl itself: where a host is emulated that is what counts.  Any exit code is an answer.
    script = f"printf %s {quoted(text)} >{quoted(path)} && exec xl create -n {quoted(path)}"
    return Probe(name, script, LIMIT_S, frozenset(range(256)), beside)


def parse_dry_run(output: ProbeOutput) -> DryRun:
    """What xl printed of one configuration; raises ParseError where it took it and printed no domain."""
    said = output.error_text
    if output.exit_code != 0:
        return DryRun(None, said, output.exit_code)
    # A line of words comes first: Parsing config from FILE.
    begin = output.text.find("{")
    try:
        data = json.loads(output.text[begin:]) if begin >= 0 else None
    except (ValueError, RecursionError) as error:
        raise ParseError(f"xl create -n printed no JSON for {output.name}: {error}") from error
    # With a number of the domain beside it until 4.4, by itself in later releases.
    config = data.get("config", data) if isinstance(data, dict) else None
    if not isinstance(config, dict) or "c_info" not in config:
        raise ParseError(
            f"xl create -n printed {output.text[:200]!r} for {output.name}, expected an object with `c_info`"
        )
    return DryRun(config, said, 0)
