"""`xenproof profile`: shows, explains, compares and validates profiles."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from xenproof.errors import ProfileError, UsageError
from xenproof.printing import complain, console, say
from xenproof.profile.complaint import nearest
from xenproof.profile.expectation import Expectation
from xenproof.profile.load import list_profiles, load_profile
from xenproof.profile.profile import ExpectationPath, Profile

profile_app = typer.Typer(
    name="profile", help="Show, explain, compare and validate profiles.", no_args_is_help=True, add_completion=False
)

# A longer cell is not padded for: it shifts only the rest of its own row.
_WIDEST = 72

_Name = Annotated[str, typer.Argument(metavar="NAME_OR_PATH", help="A profile's bare name, or a path to a .yaml file.")]


@profile_app.command("list")
def list_command() -> None:
    """List the profiles that can be used by name."""
    _table(("profile", "expectations", "extends", "title"), [_list_row(name) for name in list_profiles()])


@profile_app.command()
def show(name: _Name, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show everything that a profile expects, including inherited values."""
    profile = load_profile(name)
    if as_json:
        say(json.dumps(_plain(profile), indent=1))
        return
    say(f"{profile.name}: {_printable(profile.title)}\nchain   {' -> '.join(profile.chain)}")
    say(f"scheme  {profile.scheme}\ndigest  {profile.digest}\n")
    _table(
        ("expectation", "value", "level", "status", "req", "set in", "source"),
        [
            (e.key, _value(e.value), str(e.level), str(e.status), " ".join(e.req), e.where, e.source)
            for e in profile.expectations.values()
        ],
    )


@profile_app.command()
def explain(
    name: _Name,
    expectation: Annotated[str, typer.Argument(metavar="FAMILY.ENTRY.ATTRIBUTE", help="What to explain.")],
) -> None:
    """Show where one value is set, the evidence for it, and what it replaced."""
    profile = load_profile(name)
    by_key = {found.key: found for found in profile.expectations.values()}
    if (found := by_key.get(expectation)) is None:
        raise UsageError(
            f"expected an expectation of {profile.name}, found {expectation!r}{nearest(expectation, by_key)}; "
            f"`xenproof profile show {name}` lists all"
        )
    replaced = [f"{_value(old.value)} ({old.profile}, {old.where})" for old in profile.settings[found.path].ancestors()]
    rows = [
        ("value", _value(found.value)),
        ("level", str(found.level)),
        ("source", found.source),
        ("status", str(found.status)),
        ("req", " ".join(found.req)),
        ("set by", f"{found.profile}, {found.where}"),
        *(("replaces", text) for text in replaced or ["nothing"]),
    ]
    say(found.key)
    for label, text in rows:
        say(f"  {label:<9} {_printable(text)}")


@profile_app.command()
def diff(a: _Name, b: _Name) -> None:
    """Show the expectations of B that differ from A: `+` added, `-` removed, `~` changed."""
    old, new = load_profile(a).expectations, load_profile(b).expectations
    rows = [row for path in dict.fromkeys([*old, *new]) if (row := _difference(path, old.get(path), new.get(path)))]
    if rows:
        _table(("", "expectation", a, b, "set in"), rows)
    else:
        say(f"{a} and {b} expect the same")


@profile_app.command()
def validate(
    paths: Annotated[list[str], typer.Argument(metavar="NAME_OR_PATH...", help="Profiles to check.")],
) -> None:
    """Check profiles: print OK, or every mistake with its file and line; exit with 4 if there is one."""
    wrong = False
    for path in paths:
        try:
            profile = load_profile(path)
        except UsageError as error:
            wrong = True
            complain(str(error))
        else:
            say(f"OK {path}: {len(profile.expectations)} expectations")
    if wrong:
        raise typer.Exit(UsageError.exit_status)


def _list_row(name: str) -> tuple[str, ...]:
    try:
        profile = load_profile(name)
    except ProfileError:
        return name, "-", "-", f"cannot be used; `xenproof profile validate {name}` says why"
    return name, str(len(profile.expectations)), " -> ".join(profile.chain[1:]) or "-", profile.title


def _difference(path: ExpectationPath, old: Expectation | None, new: Expectation | None) -> tuple[str, ...] | None:
    if old is None or new is None:
        mark, found = ("+", new) if old is None else ("-", old)
    elif (old.value, old.level) != (new.value, new.level):
        mark, found = "~", new
    else:
        return None
    return mark, ".".join(path), _side(old), _side(new), found.where if found else ""


def _side(expected: Expectation | None) -> str:
    return "-" if expected is None else f"{_value(expected.value)} ({expected.level})"


def _value(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _plain(profile: Profile) -> dict[str, object]:
    return {
        "name": profile.name,
        "title": profile.title,
        "description": profile.description,
        "scheme": profile.scheme,
        "chain": list(profile.chain),
        "digest": profile.digest,
        "expectations": [
            {
                "family": e.family,
                "entry": e.name,
                "attribute": e.attribute,
                "value": e.value,
                "level": e.level,
                "req": list(e.req),
                "source": e.source,
                "status": e.status,
                "profile": e.profile,
                "where": e.where,
            }
            for e in profile.expectations.values()
        ],
    }


def _printable(text: str) -> str:
    """`text` on one line and without control characters: a profile may come from a stranger."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in " ".join(text.split()))


def _table(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal; elsewhere one line per row with aligned columns, so that nothing is cut off."""
    rows = [[_printable(cell) for cell in row] for row in cells]
    if sys.stdout.isatty():
        table = Table()
        for title in titles:
            table.add_column(title, overflow="fold")  # a path that is cut off cannot be opened
        for row in rows:
            table.add_row(*map(Text, row))  # Text, so that [brackets] in a value are not taken for markup
        console().print(table)
        return
    widths = [min(_WIDEST, max(map(len, column))) for column in zip(titles, *rows, strict=True)]
    for row in [list(titles), *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
