"""One verdict: the result of a check on a host, and everything that explains it."""

from dataclasses import dataclass
from enum import StrEnum

from xenproof.profile.expectation import Level, Status
from xenproof.results.host_load import HostLoad


class Outcome(StrEnum):
    """The result of one check.  `fail` is the host's fault; `error` is a fault of xenproof or the lab.

    `new` differs from the release that a rolling one's profile starts from.
    """

    PASS = "pass"  # noqa: S105  # not a password
    FAIL = "fail"
    ERROR = "error"
    NEW = "new"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"
    NOT_EVALUABLE = "not evaluable"


PROBLEMS = (Outcome.FAIL, Outcome.ERROR)
"""The outcomes that somebody has to look into."""


class Role(StrEnum):
    """The role of a host in a check."""

    EXAMINED = "examined"
    PEER = "peer"
    """Another host, with which the examined one is compared."""
    SOURCE = "source"
    """The host that a guest moves from."""
    TARGET = "target"
    """The host that a guest moves to."""


@dataclass(frozen=True, slots=True)
class About:
    """One host that a verdict is about: its URL and its role in the check."""

    url: str
    role: Role = Role.EXAMINED


def examined(url: str) -> tuple[About, ...]:
    """The hosts of a verdict about one host."""
    return (About(url),)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one comparison: both sides as text, and the evidence for the expected one.

    `by` is the command or file that the found value was read from.  `expectation` is the key of the profile's value,
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
    """One event on the time line of a guest: what happened, in seconds since the run began."""

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
    """The cell of a verdict in a table of the report, which shows the found value there."""

    table: str
    row: str
    column: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check on one host, or on several, of which the first is the one that reports list it under.

    `title` is the check's claim in one sentence.  `findings` are all of its comparisons, in order; if the check failed,
    the last one is what failed.  `reason` explains every outcome but pass.  `details` is longer text,
    such as the traceback of an internal error or the end of a console.  `attachments` are file names below the report's
    `logs/`.  `started_s` is in seconds since the run began.  `load` is that of the host while a check of guests ran.
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
    load: HostLoad | None = None

    @property
    def host(self) -> str:
        """The URL of the host that reports list it under, "" for a test without a host."""
        return self.hosts[0].url if self.hosts else ""

    @property
    def finding(self) -> Finding | None:
        """The comparison that decides the outcome, None if there was none."""
        return self.findings[-1] if self.findings else None
