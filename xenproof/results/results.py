"""All results of a run: the data that every report is written from."""

from dataclasses import dataclass, field

from xenproof.results.exit_status import ExitStatus
from xenproof.results.verdict import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class HostSummary:
    """What the report shows of one host above its checks: names and versions, in order.

    `logs` are file names below the report's `logs/`, kept if something failed on the host.
    """

    url: str
    facts: dict[str, str] = field(default_factory=dict)
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """All results of a run; `exit_status` is that of the whole run, `seconds` its duration.

    `started` is a time in ISO 8601 format with its zone.
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
        """The number of verdicts with this outcome."""
        return sum(verdict.outcome is outcome for verdict in self.verdicts)
