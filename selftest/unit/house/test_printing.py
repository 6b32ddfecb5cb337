"""What is written to the terminal: nothing that is printed acts on it, and no text is taken for markup."""

import ast
import errno
import io
import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

import xenproof
from xenproof.printing import EscapedOutput, complain, console, escaped_output, say
from xenproof.run.progress import Progress

CLIPBOARD = "\x1b]52;c;aGVsbG8=\x07"
ANY = st.text(st.characters(exclude_categories=[]), max_size=60) | st.sampled_from(
    [CLIPBOARD, "\x9b31m", "[/y]", "[red]x", "\r", "\x1b[2J\x1b[H", "\u202egnp", ":smile:", "\ud800"]
)
# All control characters but a line's end and a tab.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What rich writes for a colour, and to draw a line anew.
RICH = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[hl]|1A|2K)|\r")


def written(text: str, *, terminal: bool) -> str:
    """What every way of ours to print makes of a text."""
    file = io.StringIO()
    out = console(file=file)
    out._force_terminal = terminal
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    for what in (text, Text(text, "bold red"), table):
        out.print(what)
    with Progress(out).phase(text, 1):
        pass
    return file.getvalue()


@example(text=CLIPBOARD)
@example(text="image:///x/[/y]")
@given(text=ANY)
def test_nothing_that_is_printed_acts_on_a_terminal(text: str) -> None:
    assert not CONTROLS.search(written(text, terminal=False))
    assert not CONTROLS.search(RICH.sub("", written(text, terminal=True)))


@pytest.mark.parametrize("text", ["image:///x/[/y]", "[bold]x[/bold]", ":smile:", "[link=y]x"])
def test_markup_is_text(text: str) -> None:
    assert written(text, terminal=False).count(text) >= 5


def test_what_a_terminal_gets_has_rich_s_own_sequences_only() -> None:
    raw = written("a\x1b]52;c;aGVsbG8=\x1b\\b\x1b[2Jc\x1b[31md", terminal=True)
    assert raw.count("a\u241b]52;c;aGVsbG8=\u241b\\b\u241b[2Jc\u241b[31md") >= 3
    assert not {"\x1b[2J", "\x1b[31m"} & set(RICH.findall(raw))


def test_lines_are_said_as_long_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say("x" * 300 + "\x1b[1m")
    complain("[/y]" + "y" * 300)
    assert capsys.readouterr() == ("x" * 300 + "\u241b[1m\n", "[/y]" + "y" * 300 + "\n")


def test_pytest_s_colours_are_written_and_nothing_else_is() -> None:
    file = io.StringIO()
    output = EscapedOutput(file)
    for text in ("\x1b[31mE   red\x1b[0m\n", "\rcollecting 3 items", "\x1b[1K", CLIPBOARD, "\x1b[2J", "\x9b2J", "\x07"):
        output.write(text)
    assert file.getvalue() == (
        "\x1b[31mE   red\x1b[0m\n\rcollecting 3 items\x1b[1K\u241b]52;c;aGVsbG8=\u2407\u241b[2J\ufffd2J\u2407"
    )


def test_a_full_disk_does_not_end_the_run() -> None:
    with open("/dev/full", "w", encoding="utf-8") as file:  # noqa: PTH123  # as a shell would open it
        output = escaped_output(file)
        assert escaped_output(output) is output
        for _ in range(3):
            output.write("x" * 100_000)
            output.flush()


def test_a_closed_standard_output_leads_nowhere() -> None:
    escaped_output(None).write("x")


class Refusing(io.StringIO):
    def write(self, text: str) -> int:  # noqa: ARG002
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_terminal_that_is_gone_is_no_error_of_the_run() -> None:
    output = EscapedOutput(Refusing())
    assert output.write("x") == 1


def printers(path: Path) -> list[str]:
    """What a module uses that prints by itself."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in (
                "print",
                "typer.echo",
                "typer.secho",
                "click.echo",
                "Console",
                "rich.print",
                "logging.basicConfig",
            ):
                found.append(f"{path.name}:{node.lineno}: {name}")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "sys.stdout.write", "sys.stderr.write", "sys.__stdout__.write", "sys.__stderr__.write",
        ):  # fmt: skip
            found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_nothing_else_prints() -> None:
    package = Path(xenproof.__file__).parent
    modules = [path for path in package.rglob("*.py") if path.name != "printing.py"]
    assert len(modules) > 100
    # The guest's serial console has that name, too, and prints nothing.
    found = [row for path in modules for row in printers(path) if not row.startswith("guest.py:")]
    assert found == []
