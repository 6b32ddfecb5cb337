"""`xenproof lint`: predicts what xl of a release does with a guest's configuration."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from xenproof.errors import UsageError
from xenproof.printing import console, say
from xenproof.profile.load import load_profile
from xenproof.xlcfg.lint import LintMessage, Severity, lint
from xenproof.xlcfg.of_profile import series_of
from xenproof.xlcfg.xl_series import XlSeries

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "dim"}


def lint_command(
    files: Annotated[list[Path], typer.Argument(help="configurations of guests, of xl or of xm")],
    profile: Annotated[str, typer.Option("--profile", help="the release whose xl it is")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what xl of a release will do with a guest's configuration, before anything is started.

    Ends with status 1 where xl would refuse it, or would do something else than its text seems to say.
    """
    series = series_of(load_profile(profile))
    found = [(path, lint(_text(path), series)) for path in files]
    if as_json:
        say(json.dumps({str(path): [asdict(row) for row in rows] for path, rows in found}, indent=1))
    else:
        out = console(wrap=False)
        for path, rows in found:
            for row in rows:
                out.print(_line(path, row))
            out.print(_sum(path, rows, series))
    if any(row.severity is not Severity.NOTE for _, rows in found for row in rows):
        raise typer.Exit(1)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; expected a guest's configuration") from error


def _line(path: Path, row: LintMessage) -> Text:
    text = Text(f"{path}:{row.line}: ")
    text.append(f"{row.severity}: ", _STYLES[row.severity])
    text.append(row.text)
    if row.hint:
        text.append(f"\n    try: {row.hint}", "cyan")
    return text


def _sum(path: Path, rows: list[LintMessage], series: XlSeries) -> Text:
    errors, warnings = (sum(row.severity is kind for row in rows) for kind in (Severity.ERROR, Severity.WARNING))
    if errors:
        return Text(f"{path}: xl of Xen {series.name} refuses it", "bold red")
    if warnings:
        return Text(f"{path}: xl of Xen {series.name} takes it, and does not do all that it says", "bold yellow")
    return Text(f"{path}: xl of Xen {series.name} takes it as it is", "bold green")
