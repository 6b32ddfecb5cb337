"""One verdict: what a check says of a host, and all that explains it."""

from dataclasses import dataclass
from enum import StrEnum

from xenproof.profile.expectation import Level, Status


class Outcome(StrEnum):
    """What is said about one check.  `fail` is the host's fault; `error` is ours or the lab's."""

    PASS = "pass"  # noqa: S105  # not a password
    FAIL = "fail"
    ERROR = "error"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"
    NOT_EVALUABLE = "not evaluable"


class Role(StrEnum):
    """What a host is to a check."""

    EXAMINED = "examined"
    PEER = "peer"
    """Another host, which the examined one is held against."""
    SOURCE = "source"
    """Where a guest moves from."""
    TARGET = "target"
    """Where a guest moves to."""


@dataclass(frozen=True, slots=True)
class About:
    """One host that a verdict is about: its URL, and what it is to the check."""

    url: str
    role: Role = Role.EXAMINED


def examined(url: str) -> tuple[About, ...]:
    """What a verdict about one host is about."""
    return (About(url),)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one comparison saw: both sides as text, who says so, and what to do about it.

    `by` is the command or file that the found value came from.  `expectation` is the key of what the profile says,
    such as "packages.xen-utils-4.17.version"; `source` is the evidence behind it, `where` the profile's file and line.
    """

    expected: str
    found: str
    by: str
    expectation: str
    level: Level
    status: Status
    source: str = ""
    where: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One moment on the time line of a guest: what happened, in seconds since the run began."""

    label: str
    at_s: float


@dataclass(frozen=True, slots=True)
class GuestTimeline:
    """The time line of one guest; `steps` are in order."""

    name: str
    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class TableCell:
    """The place of a verdict in a table of the report, which shows what was found there."""

    table: str
    row: str
    column: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check: on one host, or on those that it needs, the one that it is told of first.

    `title` is the check's claim in one sentence.  `findings` are all of its comparisons, in order; the last one is
    what failed, if the outcome is a failure.  `reason` says why for every outcome but pass.  `details` is longer text,
    such as a traceback of an error of ours or the tail of a console.  `attachments` are file names below the report's
    `logs/`.  `started_s` is in seconds since the run began.
    """

    id: str
    hosts: tuple[About, ...]
    family: str
    title: str
    outcome: Outcome
    level: Level = Level.MUST
    req: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    details: str = ""
    started_s: float = 0.0
    seconds: float = 0.0
    attachments: tuple[str, ...] = ()
    guest: GuestTimeline | None = None
    cell: TableCell | None = None

    @property
    def host(self) -> str:
        """The URL of the host that it is told of first, "" for a test of no host."""
        return self.hosts[0].url if self.hosts else ""

    @property
    def finding(self) -> Finding | None:
        """The comparison that the outcome rests on, None if there was none."""
        return self.findings[-1] if self.findings else None
