"""The verdict model: everything that is reported is written from it."""

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What is said about one check.  `fail` is the host's fault; `error` is ours or the lab's."""

    PASS = "pass"  # noqa: S105  # not a password
    FAIL = "fail"
    ERROR = "error"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"
    NOT_EVALUABLE = "not evaluable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one comparison saw: both sides as text, who says so, and what to do about it.

    `by` is the command or file that the found value came from, `source` the evidence behind the
    expected one, `where` the profile file and line.
    """

    expected: str
    found: str
    by: str
    source: str = ""
    status: str = ""
    where: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One moment on the time line of a guest: what happened, in seconds since the run began."""

    label: str
    at_s: float


@dataclass(frozen=True, slots=True)
class GuestLine:
    """The time line of one guest; `steps` are in order."""

    name: str
    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of a verdict in a table of the report, which shows what was found there."""

    table: str
    row: str
    column: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check on one host.

    `title` is the check's claim in one sentence.  `reason` says why for every outcome but pass.
    `attachments` are file names below the report's `logs/`.  `details` is longer text, such as a
    traceback of an error of ours or the tail of a console.
    """

    id: str
    host: str
    family: str
    title: str
    outcome: Outcome
    level: str = "must"
    req: tuple[str, ...] = ()
    finding: Finding | None = None
    reason: str = ""
    details: str = ""
    started_s: float = 0.0
    seconds: float = 0.0
    attachments: tuple[str, ...] = ()
    guest: GuestLine | None = None
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class HostSummary:
    """What the report says of one host before its checks: names and versions, in order.

    `logs` are file names below the report's `logs/`, kept where something went wrong on the host.
    """

    url: str
    facts: dict[str, str] = field(default_factory=dict)
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """All that a report is written from.  `exit_status` is that of the whole run."""

    profile: str
    profile_title: str
    profile_digest: str
    started: str
    seconds: float
    xenproof_version: str
    command: str
    hosts: tuple[HostSummary, ...]
    verdicts: tuple[Verdict, ...]
    exit_status: int
    notes: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many verdicts have this outcome."""
        return sum(verdict.outcome is outcome for verdict in self.verdicts)
