"""The parts of report.html, in the order in which it shows them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xenproof.report.attachment import is_picture
from xenproof.report.load import load_of_host, starvation
from xenproof.results.conclusion import Conclusion, by_host, host_conclusion
from xenproof.results.results import HostSummary, Results
from xenproof.results.verdict import PROBLEMS, Outcome, Verdict

# The most severe first: where one check has two verdicts on a host, the more severe one is shown.
GRAVITY = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.NEW,
    Outcome.NOT_EVALUABLE,
    Outcome.WAIVED,
    Outcome.NOT_APPLICABLE,
    Outcome.PASS,
)
BAD = (*PROBLEMS, Outcome.NEW)
"""The outcomes of which the page has a card."""
MANY_HOSTS = 12
"""With more hosts, the page shows the hosts with problems first."""


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict and its anchor in the page."""

    anchor: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ListedVerdict:
    """One row of the list of all checks: passes with the same finding on several hosts share one row."""

    first: VerdictRow
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together, with the number of each outcome, the most severe first."""

    name: str
    rows: tuple[VerdictRow, ...]

    @property
    def counts(self) -> tuple[tuple[Outcome, int], ...]:
        """The number of rows of each outcome that occurs."""
        return counts([row.verdict for row in self.rows])

    @property
    def listed(self) -> tuple[ListedVerdict, ...]:
        """The rows in their order, with equal passes merged, so that a hundred equal hosts need one row."""
        found: dict[object, tuple[VerdictRow, list[str]]] = {}
        for row in self.rows:
            verdict = row.verdict
            alone = verdict.outcome is not Outcome.PASS or verdict.attachments or verdict.guest
            same = row.anchor if alone else (verdict.id, verdict.title, verdict.level, verdict.req, verdict.findings)
            found.setdefault(same, (row, []))[1].append(verdict.host)
        return tuple(ListedVerdict(first, tuple(hosts)) for first, hosts in found.values())


@dataclass(frozen=True, slots=True)
class Host:
    """One host, its conclusion, and the number of verdicts of each outcome.

    `load` and `starvation` are sentences about its processors while guests were checked, "" where there is nothing to
    say.
    """

    summary: HostSummary
    conclusion: Conclusion
    counts: tuple[tuple[Outcome, int], ...]
    load: str = ""
    starvation: str = ""


@dataclass(frozen=True, slots=True)
class MatrixLine:
    """One check on all hosts, in their order; None where it did not run."""

    id: str
    title: str
    cells: tuple[VerdictRow | None, ...]

    @property
    def agrees(self) -> bool:
        """Whether the check passes on all hosts, so that there is nothing to compare."""
        return all(cell is not None and cell.verdict.outcome is Outcome.PASS for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of verdicts of one host: the names of its columns, and each row with its label and cells."""

    name: str
    host: str
    columns: tuple[str, ...]
    lines: tuple[tuple[str, tuple[VerdictRow | None, ...]], ...]


def tables(rows: Sequence[VerdictRow]) -> tuple[Table, ...]:
    """The tables of all verdicts that have a cell; rows and columns in the order in which they first occur."""
    found: dict[tuple[str, str], dict[str, dict[str, VerdictRow]]] = {}
    for row in rows:
        if cell := row.verdict.cell:
            found.setdefault((cell.table, row.verdict.host), {}).setdefault(cell.row, {})[cell.column] = row
    return tuple(_table(name, host, lines) for (name, host), lines in found.items())


def _table(name: str, host: str, lines: Mapping[str, Mapping[str, VerdictRow]]) -> Table:
    columns = tuple(dict.fromkeys(column for line in lines.values() for column in line))
    rows = tuple((label, tuple(line.get(column) for column in columns)) for label, line in lines.items())
    return Table(name, host, columns, rows)


def pictures(rows: Sequence[VerdictRow]) -> tuple[tuple[Verdict, str], ...]:
    """The pictures that belong to verdicts, by the names of their files."""
    return tuple((row.verdict, name) for row in rows for name in row.verdict.attachments if is_picture(name))


def counts(verdicts: Sequence[Verdict]) -> tuple[tuple[Outcome, int], ...]:
    """The number of verdicts of each outcome that occurs, the most severe first."""
    found = Counter(verdict.outcome for verdict in verdicts)
    return tuple((outcome, found[outcome]) for outcome in GRAVITY if found[outcome])


def rows(results: Results) -> tuple[VerdictRow, ...]:
    """All verdicts, with anchors that contain no text from a host."""
    return tuple(VerdictRow(f"v{number}", verdict) for number, verdict in enumerate(results.verdicts, 1))


def hosts(results: Results) -> tuple[Host, ...]:
    """Each host of the run with its conclusion."""
    known: Mapping[str, HostSummary] = {host.url: host for host in results.hosts}
    return tuple(
        Host(
            known.get(url, HostSummary(url)),
            host_conclusion(results.profile, verdicts),
            counts(verdicts),
            load_of_host(verdicts),
            starvation(verdicts),
        )
        for url, verdicts in by_host(results).items()
    )


def compared(all_hosts: Sequence[Host]) -> tuple[Host, ...]:
    """The hosts in the order of the comparison: of many hosts, those with the most verdicts other than pass first."""
    if len(all_hosts) <= MANY_HOSTS:
        return tuple(all_hosts)
    return tuple(
        sorted(all_hosts, key=lambda host: dict(host.counts).get(Outcome.PASS, 0) - sum(dict(host.counts).values()))
    )


def failures(all_rows: Sequence[VerdictRow]) -> tuple[VerdictRow, ...]:
    """The failures, those of the level "must" first."""
    failed = [row for row in all_rows if row.verdict.outcome is Outcome.FAIL]
    return tuple(sorted(failed, key=lambda row: row.verdict.level != "must"))


def news(all_rows: Sequence[VerdictRow]) -> tuple[VerdictRow, ...]:
    """What differs from the release that the profile of a rolling one starts from."""
    return tuple(row for row in all_rows if row.verdict.outcome is Outcome.NEW)


def errors(all_rows: Sequence[VerdictRow]) -> tuple[Group, ...]:
    """The errors, grouped by host and cause: an unreachable host is one problem, not 140."""
    causes: dict[tuple[str, str], list[VerdictRow]] = {}
    for row in all_rows:
        if row.verdict.outcome is Outcome.ERROR:
            causes.setdefault((row.verdict.host, row.verdict.reason or row.anchor), []).append(row)
    return tuple(Group(same[0].verdict.reason, tuple(same)) for same in causes.values())


def unjudged(all_rows: Sequence[VerdictRow]) -> tuple[VerdictRow, ...]:
    """The verdicts that are neither pass, failure nor error, each with its reason."""
    kinds = (Outcome.NOT_EVALUABLE, Outcome.WAIVED, Outcome.NOT_APPLICABLE)
    found = [row for row in all_rows if row.verdict.outcome in kinds]
    return tuple(sorted(found, key=lambda row: kinds.index(row.verdict.outcome)))


def families(all_rows: Sequence[VerdictRow]) -> tuple[Group, ...]:
    """All verdicts by family, in the order in which the families first occur."""
    found: dict[str, list[VerdictRow]] = {}
    for row in all_rows:
        found.setdefault(row.verdict.family, []).append(row)
    return tuple(Group(name, tuple(same)) for name, same in found.items())


def matrix(all_rows: Sequence[VerdictRow], urls: Sequence[str]) -> tuple[MatrixLine, ...]:
    """Each check on each host; checks with the same id are the same check."""
    cells: dict[str, dict[str, VerdictRow]] = {}
    for row in all_rows:
        at = cells.setdefault(row.verdict.id, {})
        other = at.get(row.verdict.host)
        if other is None or GRAVITY.index(row.verdict.outcome) < GRAVITY.index(other.verdict.outcome):
            at[row.verdict.host] = row
    return tuple(
        MatrixLine(name, next(iter(at.values())).verdict.title, tuple(at.get(url) for url in urls))
        for name, at in cells.items()
    )
