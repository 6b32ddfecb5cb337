"""Tables of the report: each verdict in its place, one table for each host, and nothing that a host said unescaped."""

from dataclasses import replace
from pathlib import Path

from selftest.findings import a_finding
from selftest.unit.report.test_report_html import ONE, TWO, run_of, verdict
from xenproof.guest.features.disk_rows import disk_rows
from xenproof.report.html import render_html
from xenproof.report.page import rows, tables
from xenproof.results.verdict import Outcome, TableCell, Verdict


def placed(row: str, column: str, found: str = "phy", *, host: str = ONE, outcome: Outcome = Outcome.PASS) -> Verdict:
    """A verdict with a place in a table."""
    finding = a_finding("phy", found, "xenstore")
    return replace(
        verdict(outcome, f"{row}-{column}", host=host), findings=(finding,), cell=TableCell("backends", row, column)
    )


def test_verdicts_stand_where_they_belong() -> None:
    run = run_of(
        placed("raw", "any"), placed("raw", "phy"), placed("qcow2", "phy"), verdict(Outcome.PASS), exit_status=0
    )

    (table,) = tables(rows(run))

    assert (table.name, table.host, table.columns) == ("backends", ONE, ("any", "phy"))
    seen = [(label, [cell and cell.verdict.id for cell in cells]) for label, cells in table.lines]
    assert seen == [("raw", ["raw-any", "raw-phy"]), ("qcow2", [None, "qcow2-phy"])]


def test_each_host_has_a_table_of_its_own() -> None:
    run = run_of(placed("raw", "any"), placed("raw", "any", host=TWO), exit_status=0, hosts=(ONE, TWO))

    assert [table.host for table in tables(rows(run))] == [ONE, TWO]


def test_a_cell_says_what_was_found_and_where_it_is_wrong(tmp_path: Path) -> None:
    bad = placed("raw", "phy", "<b>qdisk</b>", outcome=Outcome.FAIL)
    page = "".join(render_html(run_of(placed("raw", "any", "phy, raw"), bad, exit_status=1), tmp_path))
    cells = page[page.index('<table class="grid">') :].partition("</table>")[0]

    assert "<td>phy, raw</td>" in cells
    assert '<td class="fail"><a href="#v2">' in cells
    assert "&lt;b&gt;qdisk&lt;/b&gt; <small>expected phy</small>" in cells


def test_without_places_there_is_no_table(tmp_path: Path) -> None:
    assert 'class="grid"' not in "".join(render_html(run_of(verdict(Outcome.PASS), exit_status=0), tmp_path))


def test_each_row_of_the_truth_table_has_a_place_of_its_own() -> None:
    cells = [row.cell for row in disk_rows().values()]

    assert len(set(cells)) == len(cells)
    assert TableCell("Disk backends", "a qcow2 file, format=raw", "as xl chooses") in cells
    assert TableCell("Disk backends, as people write disks", "phy:/dev/loop0,xvda,w", "found") in cells
