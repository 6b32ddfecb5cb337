"""All that a run found: what every report is written from."""

from dataclasses import dataclass, field

from xenproof.results.exit_status import ExitStatus
from xenproof.results.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class HostSummary:
    """What the report says of one host before its checks: names and versions, in order.

    `logs` are file names below the report's `logs/`, kept where something went wrong on the host.
    """

    url: str
    facts: dict[str, str] = field(default_factory=dict)
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """All that a run found; `exit_status` is that of the whole run, `seconds` how long it took.

    `started` is a time by ISO 8601 with its zone.
    """

    profile: str
    profile_title: str
    profile_digest: str
    started: str
    seconds: float
    xenproof_version: str
    command: str
    hosts: tuple[HostSummary, ...]
    verdicts: tuple[Verdict, ...]
    exit_status: ExitStatus
    notes: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many verdicts have this outcome."""
        return sum(verdict.outcome is outcome for verdict in self.verdicts)
