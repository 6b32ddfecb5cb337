"""results.json: all results of a run, as data for programs; it can be read back."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from xenproof.codec import from_plain, to_plain
from xenproof.errors import ParseError
from xenproof.regular_file import read_regular
from xenproof.results.results import Results
from xenproof.results.verdict import Outcome, Verdict
from xenproof.strict_json import mapping, parse_strictly

FORMAT = 1
"""The version of the file's format: it grows when a key changes its meaning or is removed."""
MOST_BYTES = 256 << 20
MOST_PARTS = 20_000_000
"""The limit when reading; a run over a hundred hosts writes 30 MB with a million and a half values."""


def render_json(results: Results) -> Iterator[str]:
    """The results as JSON in ASCII, in pieces: its keys in a stable order, then one line for each verdict.

    A value that came from a host is written unchanged.
    """
    yield "{\n"
    yield f' "format": {FORMAT},\n'
    for field in fields(results):
        if field.name != "verdicts":
            yield f' "{field.name}": {_compact(getattr(results, field.name))},\n'
    yield f' "counts": {_compact(_counts(results.verdicts))},\n'
    yield ' "verdicts": [\n'
    for number, verdict in enumerate(results.verdicts):
        yield ("" if number == 0 else ",\n") + _compact(verdict)
    yield "\n ]\n}\n"


def read_results(path: Path) -> Results:
    """The results that a run wrote; raises ParseError that names the mistake in the file."""
    try:
        text = read_regular(path, MOST_BYTES).decode("ascii")
    except UnicodeDecodeError as error:
        raise ParseError(f"{path} is not ASCII, as results.json is (byte {error.start})") from error
    return parse_results(text, str(path))


def parse_results(text: str, where: str) -> Results:
    """The results that `render_json` wrote; `where` is the name of the text in a ParseError."""
    try:
        return _results(mapping(parse_strictly(text, MOST_PARTS)))
    except (ValueError, ParseError) as error:
        raise ParseError(f"{where} is no results.json of xenproof: {error}") from error


def _results(found: Mapping[str, Any]) -> Results:
    if (number := found.get("format")) != FORMAT:
        raise ParseError(f"it has the format {str(number)[:40]!r}, this xenproof reads {FORMAT}")
    results = from_plain(Results, found)
    if found.get("counts") != _counts(results.verdicts):
        raise ParseError("its counts are not those of its verdicts")
    return results


def _counts(verdicts: tuple[Verdict, ...]) -> dict[str, int]:
    found = Counter(verdict.outcome for verdict in verdicts)
    return {str(outcome): found[outcome] for outcome in Outcome}


def _compact(value: Any) -> str:
    return json.dumps(to_plain(value), ensure_ascii=True, allow_nan=False)
