"""The summary on the terminal: failures and errors with what to try, and the conclusion of each host."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from xenproof.plain import shortened, visible
from xenproof.report import page
from xenproof.report.duration import duration
from xenproof.report.load import worst_load
from xenproof.results.conclusion import Kind, conclusion
from xenproof.results.results import Results
from xenproof.results.verdict import Finding, Outcome, Verdict

_MOST = 20  # failures and errors in full; more would push the verdict off the screen
_MOST_LINES, _MOST_LETTERS = 8, 560  # of one text; 600 letters including the note that there is more
_COLOURS = {Kind.CONFORMS: "bold green", Kind.DIFFERS: "bold red", Kind.UNKNOWN: "bold yellow"}
_STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "yellow", Outcome.NEW: "blue"}


def summary(results: Results, console: Console, report: Path | None = None) -> None:
    """Print the summary of a run; `report` is the path of report.html.

    No text from a host can move the cursor, colour the text or act as rich's markup.
    """
    rows, hosts = page.rows(results), page.hosts(results)
    failed, errors = (*page.failures(rows), *page.news(rows)), page.errors(rows)
    several = len(hosts) > 1
    for row in failed[:_MOST]:
        _failure(console, row.verdict, several)
    for group in errors[:_MOST]:
        _error(console, [row.verdict for row in group.rows], several)
    left = max(len(failed) - _MOST, 0) + max(len(errors) - _MOST, 0)
    if left:
        console.print(Text(f"... and {left} more, in the report\n", "dim"))
    for host in hosts:
        line = Text()
        line.append(_safe(host.summary.url, console), "bold").append("  ")
        line.append(_safe(host.conclusion.text, console), _COLOURS[host.conclusion.kind])
        console.print(line, soft_wrap=True)
        console.print(Text("  ").append_text(_counts(host.counts)), soft_wrap=True)
        if host.starvation:
            console.print(Text(f"  {_safe(host.starvation, console)}", "yellow"), soft_wrap=True)
    overall = conclusion(results)
    if several or [overall.text] != [host.conclusion.text for host in hosts]:
        console.print(Text(_safe(f"Overall: {overall.text}", console), _COLOURS[overall.kind]), soft_wrap=True)
    for aside in (*overall.asides, *results.notes):
        console.print(Text(_safe(f"  {aside}", console), "dim"), soft_wrap=True)
    console.print(Text(f"  {duration(results.seconds)}", "dim"))
    if report:
        # One unbroken line: a path that is wrapped cannot be opened with a click.
        console.print(Text(_safe(f"  report: {report}", console)), soft_wrap=True)


def _failure(console: Console, verdict: Verdict, several: bool) -> None:
    head = "FAIL" if verdict.level == "must" else f"FAIL ({_safe(verdict.level, console)})"
    new = verdict.outcome is Outcome.NEW
    _head(console, "NEW" if new else head, "bold blue" if new else "bold red", verdict, several)
    rows = _finding(verdict.finding) if verdict.finding else [("reason", verdict.reason or "none given")]
    _block(console, [*rows, *_load([verdict])])


def _error(console: Console, verdicts: Sequence[Verdict], several: bool) -> None:
    _head(console, "ERROR", "bold yellow", verdicts[0], several)
    rows = [("reason", verdicts[0].reason or "none given")]
    if len(verdicts) > 1:
        rows.append(("also", f"{len(verdicts) - 1} more with the same cause"))
    _block(console, [*rows, *_load(verdicts)])


def _load(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    load = worst_load(verdicts)
    # A reason that quotes the figures is enough.
    return [("meanwhile", str(load))] if load is not None and str(load) not in verdicts[0].reason else []


def _head(console: Console, word: str, style: str, verdict: Verdict, several: bool) -> None:
    line = Text.assemble((word, style), "  ", (_safe(verdict.title or verdict.id, console), "bold"))
    if several:
        line.append(_safe(f"  on {verdict.host}", console), "dim")
    console.print(line, soft_wrap=True)


def _finding(finding: Finding) -> list[tuple[str, str]]:
    status = f" ({finding.status})" if finding.status else ""
    origin = ": ".join(filter(None, (finding.where, finding.source)))
    rows = [("expected", finding.expected), ("", f"from {origin}{status}" if origin else "")]
    rows += [("found", finding.found), ("", f"by {finding.by}" if finding.by else ""), ("try", finding.hint)]
    return [(name, text) for name, text in rows if text]


def _block(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    for name, text in rows:
        shown = _safe(_first_lines(text), console)
        lines = Text(shown, "" if name else "dim").wrap(console, max(console.width - 16, 20), overflow="fold")
        for number, line in enumerate(lines):
            line.rstrip()
            label = "" if number else name
            console.print(Text.assemble("      ", (f"{label:10}", "dim"), line), soft_wrap=True)
    console.print()


def _first_lines(text: str) -> str:
    """The complete lines that fit, with the number of those left out; a single long line is shortened by `_safe`."""
    lines = text.splitlines()
    shown = lines[:1]
    for line in lines[1:_MOST_LINES]:
        if sum(map(len, shown)) + len(line) > _MOST_LETTERS:
            break
        shown.append(line)
    left = len(lines) - len(shown)
    return "\n".join(
        [*shown, f"... and {left} more {'line' if left == 1 else 'lines'}, in the report"] if left else shown
    )


def _counts(counts: Sequence[tuple[Outcome, int]]) -> Text:
    parts = [Text(f"{number} {outcome}", _STYLES.get(outcome, "dim")) for outcome, number in counts]
    return Text(", ").join(parts) if parts else Text("no checks", "dim")


def _safe(text: str, console: Console) -> str:
    """`text` for this terminal: without escape sequences, shortened, only characters of its encoding."""
    shown = shortened(visible(text), 600)
    coding = console.encoding
    return shown.encode(coding, "backslashreplace").decode(coding, "replace")
