"""Runs `xl create --dryrun` for many configurations in one round trip."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xenproof.errors import ParseError
from xenproof.source.connection import Connection, quoted
from xenproof.source.gather import gather
from xenproof.source.probe import Probe, ProbeOutput, Recording

LIMIT_S = 60
_NAME = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What xl printed for one configuration: `config` from its JSON, None where xl refused it, and its `stderr`."""

    config: Mapping[str, Any] | None
    stderr: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class DryRuns:
    """The dry runs of many configurations, by name."""

    recording: Recording
    probes: Mapping[str, Probe]

    def of(self, name: str) -> DryRun:
        """The one of this name; raises SourceError or ParseError where its answer is missing, late or not JSON."""
        return parse_dry_run(self.recording.output(self.probes[name]))


def dry_run(dom0: Connection, folder: str, configs: Mapping[str, str]) -> DryRuns:
    """The dry runs of `configs`; their files below `folder` on the host are removed afterwards.

    Raises SourceError where the host does not run them at all.
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
    return DryRuns(recording, {probe.name: probe for probe in probes})


def _probe(name: str, text: str, path: str, *, beside: bool) -> Probe:
    # `exec` saves a process: on an emulated host, starting one takes most of the time.  Any exit code is an answer.
    script = f"printf %s {quoted(text)} >{quoted(path)} && exec xl create -n {quoted(path)}"
    return Probe(name, script, LIMIT_S, frozenset(range(256)), beside)


def parse_dry_run(output: ProbeOutput) -> DryRun:
    """The dry run of one configuration; raises ParseError where xl accepted it and printed no domain."""
    stderr = output.error_text
    if output.exit_code != 0:
        return DryRun(None, stderr, output.exit_code)
    # A line of text precedes the JSON: Parsing config from FILE.
    begin = output.text.find("{")
    try:
        data = json.loads(output.text[begin:]) if begin >= 0 else None
    except (ValueError, RecursionError) as error:
        raise ParseError(f"xl create -n printed no JSON for {output.name}: {error}") from error
    # Up to 4.4 the configuration is nested beside a domain number; later releases print it by itself.
    config = data.get("config", data) if isinstance(data, dict) else None
    if not isinstance(config, dict) or "c_info" not in config:
        raise ParseError(
            f"xl create -n printed {output.text[:200]!r} for {output.name}, expected an object with `c_info`"
        )
    return DryRun(config, stderr, 0)
